// Package pushservice is a push service (RFC 8030) over TLS, with browsers that subscribe at it. It is as strict as those of the
// vendors, and what it checks and decrypts (RFC 8188, 8291, 8292) it does with the standard library alone, so that whatever
// sends to it is held against something else. At a [Vendor] real Chromiums subscribe.
package pushservice
