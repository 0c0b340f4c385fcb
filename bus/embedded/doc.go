// Package embedded runs a NATS server inside the daemon, so that a site needs nothing else.
//
// The daemon reaches it through memory, under a user that nobody can be over the network; everybody else comes through
// the listener and gets what package permissions says. What is kept is synced at every write: a machine that loses its
// power loses no login.
package embedded
