// Package ari attaches the daemon to an Asterisk PBX through the Asterisk REST Interface.
//
// The way of an event: a websocket of our own reads frames without pause into a bounded buffer (socket); a peek at the
// type drops what nobody needs; what remains is decoded into small structs (event); the tracker resolves Local channels,
// forks, queues, ring groups and forwards to *this person's phone rings, called by that caller, on that call*, and the
// resulting domain event goes into the engine's mailbox. What the domain orders, pickups, confirmations and refusals,
// goes back over REST; so does what lamps are to show, by a worker of its own (lamps).
//
// Attaching: subscribe, set the event filter, take a snapshot over REST while frames wait in the buffer, replay them on
// top of it, and tell the engine the whole. That is done at each (re)connect, and also when the buffer or the mailbox
// overflows or another program takes over the application's name: nothing is ever dropped without one.
//
// https://docs.asterisk.org/Configuration/Interfaces/Asterisk-REST-Interface-ARI/
package ari
