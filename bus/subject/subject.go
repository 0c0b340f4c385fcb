// Package subject holds the public names on NATS: subjects, buckets and streams of a site. They are kept to the letter
// of docs/nats.md, in one place because the publisher, the permissions and every client must agree on them. It is pure.
package subject

// Root is the subject everything of a site is below.
func Root(site string) string { return "supervision.v1." + site }

// State is where the state bucket republishes to, followed by the key.
func State(site string) string { return Root(site) + ".state." }

// Event is what an event's subject begins with; its type and its entity follow.
func Event(site string) string { return Root(site) + ".event." }

// Command is what a command's subject begins with; the actor and the verb follow.
func Command(site string) string { return Root(site) + ".cmd." }

// View is the subject of what a person may see.
func View(site, person string) string { return Root(site) + ".view." + person }

// StateBucket is the key-value bucket of the state.
func StateBucket(site string) string { return "SUPERVISION_" + site }

// LoginsBucket is the key-value bucket of what must outlive the daemon.
func LoginsBucket(site string) string { return "SUPERVISION_" + site + "_LOGINS" }

// EventStream is the stream that keeps the history.
func EventStream(site string) string { return "SUPERVISION_EVENTS_" + site }

// BucketStream is the stream beneath a bucket.
func BucketStream(bucket string) string { return "KV_" + bucket }

// BucketKey is what the subject of a bucket's key begins with; the key follows.
func BucketKey(bucket string) string { return "$KV." + bucket + "." }

// Inbox is the prefix of the subjects on which a user gets its answers.
func Inbox(user string) string { return "_INBOX_" + user }

// Daemon is the daemon's name on NATS: the user it is by default, and therefore its inbox.
const Daemon = "supervisiond"

// Kept returns the subjects that the history keeps (rule H1). Nothing else is stored: neither presence nor
// reachability nor do-not-disturb, for this is no record of where people are.
func Kept(site string) []string {
	event := Event(site)
	return []string{
		event + "call.>",
		event + "group.joined.*",
		event + "group.left.*",
		event + "forwarding.changed.*",
		event + "pickup.refused.*",
	}
}
