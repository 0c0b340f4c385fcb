// Package push tells browsers that sleep of calls that ring, and that they are over: Web Push (RFC 8030), encrypted for the browser
// (RFC 8291) and in the daemon's own name (RFC 8292).
//
// What a person is shown comes in by [Service.View] and [Service.Changed], and never waits. Each subscription is told of each call
// in order, and only the newest: a ring that is over before it was sent is not sent, and what was sent, or may have been, is
// taken back. What nobody takes is tried again only as long as it is worth something.
package push
