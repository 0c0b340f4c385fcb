// Package bench measures the daemon from end to end: from the PBX's frame on the websocket to a subscriber on NATS and a
// client of the event stream, and from a phone that rings to the supervisor's screen and ear. Under load it also proves that
// nobody misses a call.
package bench
