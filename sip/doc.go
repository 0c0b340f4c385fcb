// Package sip is the event server for desk phones: they subscribe here to their group's lines and lists (RFC 6665, 4235, 3856, 4662),
// publish presence (RFC 3903), register a second account and dial through the PBX, and set their line's features.
//
// Order: of one subscription one NOTIFY is under way at a time, in the order of the changes; what changes meanwhile is told by the
// next, which says what is so then. A phone that is slow gets fewer, one that does not answer none. Requests are handled side by
// side; those of one dialog count by their CSeq. Alerts (MESSAGE) go in the order of the calls to each phone, and may overtake
// NOTIFYs.
package sip
