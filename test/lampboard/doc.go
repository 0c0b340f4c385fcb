// Package lampboard is a phone that is nothing but lamp keys: one UDP socket with as many subscriptions as one likes (RFC 6665),
// to the daemon or to Asterisk. It reads and writes SIP by itself, in a few lines and with next to no work for each message, so
// that thousands of lamps can be watched beside what they watch, and when each NOTIFY came is known to the microsecond.
package lampboard
