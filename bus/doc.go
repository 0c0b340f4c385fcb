// Package bus publishes a site's state and its events on NATS, takes commands there, and keeps the logins on disk there,
// as docs/nats.md promises it to other programs.
//
// # Ordering
//
// Take queues, one goroutine publishes, and all goes over one connection. What is promised:
//
//   - The documents of one key are published in the order in which they were taken.
//   - A document is stored and republished before any event that was queued after it leaves: whoever gets an event
//     finds the state it announces, or a newer one. Events therefore wait until NATS has acknowledged the documents
//     before them; a document may overtake events. On a cluster this holds for storing; a republished document and an
//     event that reach a subscriber over different servers may cross, and Nats-Sequence tells.
//   - Events are published in the order in which they were taken.
//   - A command is answered when the documents and the events that were taken before its reply have left, the documents
//     acknowledged: whoever gets the answer finds what the command did. Between two sessions, and when the five seconds
//     that a command may take are over, the answer does not wait for that.
//
// A document that is replaced before its turn is not published; its successor takes its turn, which keeps the second
// promise. That is counted as conflated.
//
// # Whole state
//
// The state bucket is the daemon's alone and a copy of what the queue holds. Whenever NATS comes back, whenever
// publishing fails, and whenever the bucket's sequence shows that somebody else wrote there, the session ends and the
// next one looks at the server, its buckets and streams, writes every document anew and purges the keys that are no
// longer there; what was queued follows. Ready is true from the moment the whole state is acknowledged until the
// session ends.
//
// Nothing is published before the epoch has begun. The first connection in the daemon's life takes the next epoch,
// reads from the history which calls an earlier life left ringing, calls Options.Begin, and waits for the site's
// document to speak of the epoch (for two seconds at most), so that no document of the old epoch is written in the new.
//
// # Slow and absent servers
//
// Take only queues, and never waits for NATS. While NATS is away or slow:
//
//   - documents are held once per key;
//   - events that the history keeps wait, at most 10,000; beyond, the oldest are dropped and counted. An event whose
//     acknowledgement did not come is sent again with the same id, by which the stream, within two minutes, and
//     subscribers, always, recognise it: delivery is at least once;
//   - other events are dropped and counted while NATS is away. While it is slow at most 1,000 wait.
//
// At most 1,024 documents and 1,024 events are on their way unacknowledged. A write that the server does not take for
// two seconds ends the attempt; so does an acknowledgement that is five seconds late, and if the server then answers
// nothing at all, the connection is replaced.
//
// # Commands
//
// They are a micro service, named supervision: an endpoint for each verb, on any actor. The actor is the token of the
// subject, and who may publish there is for the server to know (package permissions). Each is read strictly, handed to
// Options.Command, and answered when Take gets its Reply. Commands of one connection on one verb are handed on in their
// order; those on different verbs may overtake each other unless one awaits the answer.
//
// At most 1,024 run at a time. Beyond, while Ready is false, when the engine takes no more, and when nothing came of one
// within five seconds, the answer is `unavailable`; only in the last case may it have been done nevertheless. A command
// whose reply subject is no inbox, or which has none, is neither carried out nor answered, and counted. The daemon's own
// rights reach further than those of whoever names a reply subject, and a server can be made to send what was never
// meant as a command. The framework's own PING, INFO and STATS answer anywhere all the same; what that could deface is
// noticed and written again.
//
// history.get asks the engine only what the actor may read. The stream is then read from its end, page by page, by two
// goroutines at most, for three seconds, 50,000 events and 1 MiB of answer at most; `more` says that there is or may be
// more. Nothing else waits for that.
//
// StopCommands unsubscribes, waits for those that run, and refuses the rest when its context is done. It comes before the
// engine's end.
//
// # Logins
//
// SaveLogin puts `login.<group>.<person>` into the bucket that outlives the daemon, and Options.Post is told LoginSaved
// exactly once for each: saved when NATS has acknowledged it, which the embedded server does when it is on disk; failed
// when it did not within two seconds, when the connection went, and at once without a session. Nothing that has failed is
// sent later. Writes of one key keep their order; at most 64 are on their way.
//
// What fails may nevertheless be on disk: its acknowledgement got lost, or it comes late over a connection that was given
// up. So every write is on condition of the key's revision, which a late one no longer meets; a failure ends the session,
// and the next one reads all logins and writes again what was last acknowledged. The same happens when somebody else
// writes there, which a watch shows at once. Acknowledged logins are therefore never lost while the daemon or the disk
// lives. A login that failed may be found on disk by the next life of the daemon, if this one ended before it could put
// that right. ForgetLogin deletes the key; without a session the next one does.
//
// The first connection reads the logins before Options.Begin. What is not JSON, says nothing of logged_in, or names
// another group or person than its key is logged and left out.
//
// When Run is told to stop it publishes what is queued for two seconds at most.
package bus
