package ari

import (
	"slices"
	"time"
)

// wanted are the events that the daemon reads. The same list is the allow-list of the event filter, so that Asterisk
// does not send the rest: of the 85 frames of a plain call, 55 only tell of variables.
//
// ApplicationReplaced must be in it, or Asterisk filters that out as well.
var wanted = []string{
	"ApplicationReplaced",
	"BridgeAttendedTransfer",
	"BridgeBlindTransfer",
	"ChannelCallerId",
	"ChannelConnectedLine",
	"ChannelCreated",
	"ChannelDestroyed",
	"ChannelEnteredBridge",
	"ChannelHangupRequest",
	"ChannelStateChange",
	"ChannelUserevent",
	"ContactStatusChange",
	"Dial",
	"PeerStatusChange",
	"StasisEnd",
	"StasisStart",
}

// shared gives for each wanted type the one string that all events of the type share.
var shared = func() map[string]string {
	types := make(map[string]string, len(wanted))
	for _, t := range wanted {
		types[t] = t
	}
	return types
}()

// wantedTypes are the names of the events that the daemon reads.
func wantedTypes() []string { return slices.Clone(wanted) }

// wants says whether the daemon reads events of a type.
func wants(kind string) bool { return shared[kind] != "" }

// event is what a frame tells. Which fields are set depends on the type; what a frame does not mention is zero, and a
// channel that it does not mention has no ID.
//
// All strings are parts of one copy of the frame: whoever keeps one for long keeps all of it, about a kilobyte.
type event struct {
	Type string
	Time time.Time // by Asterisk's clock

	Channel channel
	Args    []string // StasisStart

	// Cause is a hang-up cause of Q.850, except that a ChannelHangupRequest with Soft carries Asterisk's soft-hangup
	// flags (AST_SOFTHANGUP_…) or a cause, depending on who asked.
	Cause int
	Soft  bool

	// Of Dial. DialStatus is empty when a leg begins. Forwarded is the channel that dials Forward, the number that a
	// redirecting phone named.
	Caller, Peer, Forwarded channel
	DialStatus, Forward     string

	// Of transfers. Target is missing in a BridgeBlindTransfer, whose Transferee goes on to another number.
	// Asker has asked Target, and is on its way out.
	Transferee, Target, Asker channel
	Result                    string

	UserEvent userEvent // ChannelUserevent

	Endpoint endpointInfo // ContactStatusChange, PeerStatusChange

	Bridged []string // ChannelEnteredBridge: the ids of the channels that are in the bridge now
}

// channel is a channel as ARI shows it.
type channel struct {
	ID    string
	Name  string // PJSIP/102-0000002a
	State string // Down, Ring, Ringing, Up and so on

	// The numbers and names are told even where their presentation is prohibited: see Vars before showing them (R4).
	CallerName, CallerNumber       string
	ConnectedName, ConnectedNumber string

	Dialplan     dialplan
	CreationTime time.Time
	Vars         channelVars
}

// dialplan is a channel's place in the dialplan.
type dialplan struct {
	Context, Exten string
	App, AppData   string
}

// channelVars is what the line channelvars of ari.conf, which the head of the generated dialplan asks for, adds to each
// channel.
type channelVars struct {
	Present       bool   // ari.conf has the line
	Linkedid      string // CHANNEL(linkedid)
	DNID          string // CALLERID(dnid)
	CallerPres    string // CALLERID(pres)
	ConnectedPres string // CONNECTEDLINE(pres)

	// What only a PBX laid out by FreePBX has. Its inbound routes mark every caller as one who may be shown, and put aside
	// what the caller wished. Where it dials the extension is s, and which number led there is in a variable.
	WishKnown           bool   // ari.conf has the first two of these
	NumberWish          string // CALLINGNUMPRES_SV
	NameWish            string // CALLINGNAMEPRES_SV
	Destination, Called string // NODEST, a ring group's or follow-me's number; EXTTOCALL, whose line is dialled
}

// userEvent is what a dialplan tells with UserEvent, as far as it is about the PBX's store.
type userEvent struct {
	Name, Read, Extension                string
	Always, Busy, NoAnswer, DND, Seconds string
}

// endpointInfo is a device that Asterisk knows, such as PJSIP/102.
type endpointInfo struct {
	Technology, Resource string
	State                string // online, offline, unknown
}
