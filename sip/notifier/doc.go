// Package notifier keeps the subscriptions of phones (RFC 6665) to dialog states (RFC 4235), presence (RFC 3856), lists of both
// (RFC 4662) and a line's features. It knows no sockets: what a phone asks comes in as a Subscribe, what a phone is to be told
// goes out by Options.Send.
//
// Order: one goroutine owns all subscriptions. Of one subscription one NOTIFY is under way at a time, and the next is made of
// what is so then: who is slow gets fewer, and the last one is always right. What a phone asks for is answered before it is told
// anything.
package notifier
