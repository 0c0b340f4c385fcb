// Package supervision is the heart of the daemon: groups, people, presence, the calls that ring, and who may do what.
//
// It is pure. Apply takes the state and an event and gives the state that follows and the effects to be carried out;
// time enters as a field of the event and leaves as an Arm effect. There is no I/O, no clock, no goroutine and no lock
// here, and the same events always give the same effects in the same order. The rules are those of docs/semantics.md,
// named as there: G1, P3, R5.
package supervision
