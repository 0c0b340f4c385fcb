// Package permissions says who may do what on NATS. The embedded server enforces it, and `supervisiond
// nats-permissions` prints the same for an external one. It is pure.
//
// What a permission cannot express: NATS lets whoever may send any request choose the subject of its answer, and
// whoever may create a consumer the subject it delivers to. A reader can thereby make the server put an answer of the
// server's wording on a subject that the reader may not publish to: deface a key or an event, not choose what it says.
// Hence what the daemon reads from NATS it must check as if a stranger had written it, and it rewrites the state
// and the logins when it finds that somebody else wrote there.
package permissions

import (
	"slices"

	"supervisiond/bus/subject"
)

// Everyone in a user's acts_as stands for all people.
const Everyone = "*"

// Rule lists subjects. An empty Allow allows nothing, unless Deny is not empty: that is NATS's own reading.
type Rule struct {
	Allow []string
	Deny  []string
}

// Set is what a user may publish and subscribe to. Nothing is allowed that is not listed.
type Set struct {
	Publish   Rule
	Subscribe Rule
	// Respond lets the user answer requests, on whatever subject they name.
	Respond bool
}

// Anonymous is for those who log in as nobody, on a server that has no users and is reached from this machine only:
// they may read everything and change nothing.
func Anonymous(site string) Set {
	return Set{
		Publish: Rule{Allow: reads(site), Deny: keys()},
		Subscribe: Rule{
			Allow: []string{"supervision.v1.>", "_INBOX.>"},
			// Who could subscribe to commands could answer them in the daemon's place.
			Deny: []string{"supervision.v1.*.cmd.>"},
		},
	}
}

// User is for a program that logs in under a name and acts as the people named. With Everyone it sees all and
// commands as anybody; otherwise it gets the views of its people and nothing of the state, which would show it more.
func User(site, name string, actsAs []string) Set {
	inbox := subject.Inbox(name) + ".>"
	if slices.Contains(actsAs, Everyone) {
		return Set{
			Publish: Rule{Allow: append(reads(site), subject.Command(site)+"*.>"), Deny: keys()},
			Subscribe: Rule{
				Allow: []string{subject.Root(site) + ".>", inbox},
				Deny:  []string{subject.Command(site) + ">"},
			},
		}
	}
	set := Set{
		Publish:   Rule{Allow: discovery(), Deny: keys()},
		Subscribe: Rule{Allow: []string{inbox}},
	}
	for _, person := range actsAs {
		set.Publish.Allow = append(set.Publish.Allow, subject.Command(site)+person+".>")
		set.Subscribe.Allow = append(set.Subscribe.Allow, subject.View(site, person))
	}
	return set
}

// Daemon is for the daemon itself: the only one that writes.
func Daemon(site string) Set {
	return Set{
		Publish: Rule{Allow: []string{
			subject.Root(site) + ".>",
			subject.BucketKey(subject.StateBucket(site)) + ">",
			subject.BucketKey(subject.LoginsBucket(site)) + ">",
			"$JS.API.>", "$JS.ACK.>", "$JS.FC.>",
		}},
		Subscribe: Rule{Allow: []string{
			subject.Root(site) + ".>",
			subject.Inbox(subject.Daemon) + ".>",
			"$SRV.>",
		}},
		Respond: true,
	}
}

// reads are the requests with which a program reads the site's buckets and its history, and no other stream.
func reads(site string) []string {
	list := append(discovery(), "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST")
	for _, stream := range []string{
		subject.BucketStream(subject.StateBucket(site)),
		subject.BucketStream(subject.LoginsBucket(site)),
		subject.EventStream(site),
	} {
		list = append(list,
			"$JS.API.STREAM.INFO."+stream,
			"$JS.API.STREAM.MSG.GET."+stream,
			"$JS.API.DIRECT.GET."+stream,
			"$JS.API.DIRECT.GET."+stream+".>",
			"$JS.API.CONSUMER.CREATE."+stream,
			"$JS.API.CONSUMER.CREATE."+stream+".>",
			"$JS.API.CONSUMER.NAMES."+stream,
			"$JS.API.CONSUMER.LIST."+stream,
			"$JS.API.CONSUMER.INFO."+stream+".*",
			"$JS.API.CONSUMER.MSG.NEXT."+stream+".*",
			// Clients delete the consumer of a watch when they are done with it, and wait for the answer.
			"$JS.API.CONSUMER.DELETE."+stream+".*",
			"$JS.ACK."+stream+".>",
			"$JS.FC."+stream+".>",
		)
	}
	return list
}

// keys are those of all buckets, which nobody but the daemon writes. They are not allowed either; a line that says so is
// still there when somebody allows more.
func keys() []string { return []string{"$KV.>"} }

// discovery are the requests with which a program finds the command service and what it offers.
func discovery() []string {
	return []string{"$SRV.PING", "$SRV.PING.>", "$SRV.INFO", "$SRV.INFO.>", "$SRV.STATS", "$SRV.STATS.>"}
}
