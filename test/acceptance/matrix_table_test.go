package acceptance

// What everybody may do with everybody, as the rules have it (G, P7, F4, S7), and not as any of the ways does it. The
// matrix asks it on all of them.
//
// The site of the matrix: sales (1) is a mutual-aid group, the desk (2) a standard group, help (3) a mutual-aid group
// whose last person must stay.
const matrixGroups = `
groups:
  sales:
    name: Vertrieb
    number: "1"
    type: mutual_aid
    supervisors: [{person: anna, admin: true}, emil, fatma, {person: karl, admin: true}]
    members: [ben, carla, {person: igor, may_leave: false}]
  desk:
    name: Empfang
    number: "2"
    type: standard
    supervisors: [hana]
    members: [dora]
  help:
    name: Hilfe
    number: "3"
    type: mutual_aid
    lock_last: person
    supervisors: [hana]
    members: [dora]
forwarding: {allowed_destinations: ["^[0-9]{2,5}$", "^0049"], poll: 1h}
`

// actors are whoever asks, each with another relation to those who are asked about.
var actors = map[string]string{
	"anna":  "101", // administers sales, logged in
	"emil":  "105", // supervises sales, logged in
	"fatma": "106", // supervises sales, logged out
	"karl":  "111", // administers sales, logged out
	"georg": "107", // administers the company
	"ben":   "102", // a member of sales, logged in: the one who rings
	"carla": "103", // a member of sales, logged out
	"igor":  "109", // a member of sales who may not leave: rings on a phone that is not supervised
	"hana":  "108", // supervises other groups only, and is the last of help
	"dora":  "104", // a member of other groups only, one of them a standard group
	"julia": "110", // in no group
}

// rule is one operation on one target, and what comes of it for whom.
type rule struct {
	verb, body string // for programs; ME is the actor, CALL the call that rings. No verb: there is none
	code       string // for phones; MY is the actor's extension. None: there is none
	// who is "anna emil ok, julia not_found, rest not_supervisor".
	who string
	// changes is whose login in sales, or whose forwards, are to be put back where it succeeds.
	changes string
	// details is what a refusal adds, by code.
	details map[string]string
}

// pickups are asked while a call rings ben, and another one a phone of igor's that is not supervised (P1, P2, P7, G4).
var pickups = []rule{
	{verb: "call.pickup", body: `{}`, code: "*20", who: "anna emil ok, fatma karl not_logged_in, hana not_ringing, rest not_supervisor"},
	{verb: "call.pickup", body: `{"person":"ben"}`, code: "*20102", who: "anna emil ok, fatma karl not_logged_in, rest not_supervisor"},
	{verb: "call.pickup", body: `{"group":"sales"}`, code: "*221", who: "anna emil ok, fatma karl not_logged_in, rest not_supervisor"},
	// What one may not see does not exist; ben sees what rings him, and georg sees all.
	{verb: "call.pickup", body: `{"call":"CALL"}`, who: "anna emil ok, fatma karl not_logged_in, georg ben not_supervisor, rest not_found"},
	// A member who is logged out, and one whose phone is not supervised.
	{verb: "call.pickup", body: `{"person":"carla"}`, code: "*20103", who: "anna emil not_supervised, fatma karl not_logged_in, rest not_supervisor"},
	{verb: "call.pickup", body: `{"person":"igor"}`, code: "*20109", who: "anna emil not_supervised, fatma karl not_logged_in, rest not_supervisor"},
	// In a standard group.
	{verb: "call.pickup", body: `{"person":"dora"}`, code: "*20104", who: "hana not_ringing, rest not_supervisor"},
	{verb: "call.pickup", body: `{"group":"desk"}`, code: "*222", who: "hana not_ringing, rest not_supervisor"},
	// A fellow supervisor, and oneself: nobody supervises them (G2).
	{verb: "call.pickup", body: `{"person":"emil"}`, code: "*20105", who: "rest not_supervisor"},
	{verb: "call.pickup", body: `{"person":"ME"}`, code: "*20MY", who: "rest not_supervisor"},
	// What is not there, and what makes no sense.
	{verb: "call.pickup", body: `{"person":"nobody"}`, code: "*20199", who: "rest not_found"},
	{verb: "call.pickup", body: `{"group":"nothing"}`, code: "*229", who: "rest not_found"},
	{verb: "call.pickup", body: `{"call":"nothing"}`, who: "rest not_found"},
	{verb: "call.pickup", body: `{"person":"ben","endpoint":"PJSIP/110-web"}`, who: "rest not_found"},
	{verb: "call.pickup", body: `{"person":"ben","group":"sales"}`, who: "rest invalid"},
}

// logins are the ways into a group and out of it (G3 to G8). What changes is put back each time.
var logins = []rule{
	{verb: "group.join", body: `{"group":"sales"}`, code: "*231", who: "georg hana dora julia not_participant, rest ok", changes: "ME"},
	{verb: "group.leave", body: `{"group":"sales"}`, code: "*241", who: "georg hana dora julia not_participant, igor may_not_leave, rest ok", changes: "ME"},
	{code: "*251", who: "georg hana dora julia not_participant, igor may_not_leave, rest ok", changes: "ME"},
	{code: "*251*MY", who: "georg hana dora julia not_participant, igor may_not_leave, rest ok", changes: "ME"},
	{verb: "group.join", body: `{"group":"desk"}`, code: "*232", who: "hana dora not_mutual_aid, rest not_participant"},
	{verb: "group.leave", body: `{"group":"desk"}`, code: "*242", who: "hana dora not_mutual_aid, rest not_participant"},
	{code: "*252", who: "hana dora not_mutual_aid, rest not_participant"},
	{verb: "group.leave", body: `{"group":"help"}`, code: "*243", who: "hana last_member, dora ok, rest not_participant", details: map[string]string{"last_member": "map[lock:person]"}},
	{verb: "group.join", body: `{"group":"nothing"}`, code: "*239", who: "rest not_found"},
	{verb: "group.leave", body: `{"group":"nothing"}`, code: "*249", who: "rest not_found"},
	{code: "*259", who: "rest not_found"},

	// By force: a member, a member who is logged out, one who may not leave, a fellow supervisor.
	{verb: "group.force_in", body: `{"group":"sales","person":"ben"}`, who: "anna karl georg ok, rest not_admin"},
	{verb: "group.force_out", body: `{"group":"sales","person":"ben"}`, code: "*251*102", who: "anna karl georg ok, rest not_admin", changes: "ben"},
	{verb: "group.force_in", body: `{"group":"sales","person":"carla"}`, code: "*251*103", who: "anna karl georg ok, rest not_admin", changes: "carla"},
	{verb: "group.force_out", body: `{"group":"sales","person":"carla"}`, who: "anna karl georg ok, rest not_admin"},
	{verb: "group.force_in", body: `{"group":"sales","person":"igor"}`, who: "anna karl georg ok, rest not_admin"},
	{verb: "group.force_out", body: `{"group":"sales","person":"igor"}`, code: "*251*109", who: "anna karl georg may_not_leave, rest not_admin"},
	{verb: "group.force_out", body: `{"group":"sales","person":"emil"}`, code: "*251*105", who: "anna karl georg ok, rest not_admin", changes: "emil"},
	// In a standard group, in one that must not be left, in none: whoever may force is told why not, and nobody else is
	// told who is in the group (S7).
	{verb: "group.force_out", body: `{"group":"desk","person":"dora"}`, code: "*252*104", who: "georg not_mutual_aid, rest not_admin"},
	{verb: "group.force_out", body: `{"group":"help","person":"hana"}`, code: "*253*108", who: "georg last_member, rest not_admin", details: map[string]string{"last_member": "map[lock:person]"}},
	{verb: "group.force_in", body: `{"group":"sales","person":"julia"}`, code: "*251*110", who: "anna karl georg not_found, rest not_admin"},
	{verb: "group.force_in", body: `{"group":"sales","person":"nobody"}`, code: "*251*199", who: "rest not_found"},
	{verb: "group.force_out", body: `{"group":"nothing","person":"ben"}`, code: "*259*102", who: "rest not_found"},
}

// selves are the phones that turn their owner around where the table has somebody else's force: *25<group>*<extension>
// is for oneself what *25<group> is.
var selves = map[string]string{
	"ben *251*102": "ok", "carla *251*103": "ok", "emil *251*105": "ok", "igor *251*109": "may_not_leave",
	"dora *252*104": "not_mutual_aid", "hana *253*108": "last_member", "julia *251*110": "not_participant",
}

// lines are forwards, do-not-disturb and presence (F4 to F6, G4, S3). Nothing is set while they are asked.
var lines = []rule{
	{verb: "forwarding.cancel", body: `{"person":"ben"}`, code: "*26102", who: "anna emil fatma karl georg ben ok, rest not_supervisor"},
	{verb: "forwarding.cancel", body: `{"person":"ben","kind":"always"}`, who: "anna emil fatma karl georg ben ok, rest not_supervisor"},
	{verb: "forwarding.cancel", body: `{"person":"ben","kind":"phone"}`, who: "anna emil fatma karl georg ben set_on_phone, rest not_supervisor"},
	{verb: "forwarding.cancel", body: `{"person":"carla"}`, code: "*26103", who: "anna emil fatma karl georg not_supervised, carla ok, rest not_supervisor"},
	{verb: "forwarding.cancel", body: `{"person":"dora"}`, code: "*26104", who: "hana georg dora ok, rest not_supervisor"},
	{verb: "forwarding.cancel", body: `{"person":"emil"}`, code: "*26105", who: "emil ok, rest not_supervisor"},
	{verb: "forwarding.cancel", body: `{"person":"ME"}`, code: "*26", who: "rest ok"},
	{verb: "forwarding.cancel", body: `{"person":"nobody"}`, code: "*26199", who: "rest not_found"},

	{verb: "forwarding.set", body: `{"person":"ben","kind":"busy","target":"104"}`, who: "anna karl georg ben ok, emil fatma not_admin, rest not_supervisor", changes: "ben"},
	{verb: "forwarding.set", body: `{"person":"carla","kind":"busy","target":"104"}`, who: "anna karl georg not_supervised, carla ok, emil fatma not_admin, rest not_supervisor", changes: "carla"},
	{verb: "forwarding.set", body: `{"person":"dora","kind":"busy","target":"102"}`, who: "georg dora ok, hana not_admin, rest not_supervisor", changes: "dora"},
	{verb: "forwarding.set", body: `{"person":"emil","kind":"busy","target":"104"}`, who: "emil ok, rest not_supervisor", changes: "emil"},
	{verb: "forwarding.set", body: `{"person":"ME","kind":"busy","target":"112"}`, who: "rest ok", changes: "ME"},
	{verb: "forwarding.set", body: `{"person":"nobody","kind":"busy","target":"104"}`, who: "rest not_found"},
	{verb: "forwarding.set", body: `{"person":"ME","kind":"busy","target":"0900123456"}`, who: "rest destination_refused", details: map[string]string{"destination_refused": "map[reason:not_allowed]"}},
	{verb: "forwarding.set", body: `{"person":"ME","kind":"sometimes","target":"104"}`, who: "rest invalid"},

	{verb: "dnd.set", body: `{"person":"ME","on":true}`, who: "rest ok"},
	{verb: "dnd.set", body: `{"person":"ME","on":false}`, who: "rest ok"},
	{verb: "dnd.set", body: `{"person":"ben","on":false}`, who: "ben ok, rest not_admin"},
	{verb: "dnd.set", body: `{"person":"nobody","on":false}`, who: "rest not_found"},

	{verb: "presence.set", body: `{"state":"away","source":"matrix"}`, who: "rest ok"},
	{verb: "presence.set", body: `{"state":"online","source":"matrix"}`, who: "rest ok"},
	{verb: "presence.set", body: `{"state":"asleep","source":"matrix"}`, who: "rest invalid"},
}
