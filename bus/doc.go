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
//   - other events are dropped and counted while NATS is away. While it is slow at most 8,192 wait.
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
// goroutines at most, for three seconds, 50,000 events and 1 MiB of answer at most; `next` says where
// there is or may be more: a sequence of the stream, from which another reading goes on. Nothing else waits for that.
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
// The first connection reads the logins before Options.Begin, and nothing is stored until a moment before that call: what
// it says of logins is what is on disk.
//
// # Logins that NATS has lost
//
// The daemon keeps a copy of the logins and of the epoch in a file of its own (Options.LoginCopy), with a checksum, put
// there whole, synced and renamed, after each acknowledged write and before LoginSaved. Writes that come together share
// one. That it cannot be written is logged, and stops nothing.
//
// The bucket is what counts. Each life puts its epoch into the copy and then into the bucket, so a bucket with a higher
// epoch was written by a life that the copy knows nothing of. Otherwise the copy, which has the revision of each key, is
// right about the keys that the bucket lacks or has in an older revision: what is removed on purpose leaves a marker. It
// is also right, however old, about what the bucket has and nobody can read. A login that both have lost is left out, and
// the person starts as their group says; the log names them, and says so of each of these cases.
//
// A bucket of which the server cannot read a message hands out nothing beyond it, and cannot be written to at that key
// without the server falling silent. After two seconds without a word each key is therefore asked for by itself, and if
// one cannot be read the bucket is removed and made anew, with the configuration it had, and with what was read and what
// the copy has. So is one that is empty, destroyed in part, or behind the history, if the copy could be written.
//
// No epoch comes twice, because it is part of the ids by which the history recognises what it has: the next one is higher
// than those in the bucket, in the copy, and in the history's last event. Where the bucket is damaged and there is no copy
// that is as new, it is not below the time in seconds, which is later than any count.
//
// CopiedLogins is for the time before the first connection.
//
// When Run is told to stop it publishes what is queued for two seconds at most.
package bus
