// Package publication keeps what phones publish of their owners' presence (RFC 3903): which entity-tag stands for what, and until
// when. It has no I/O and no clock. What a publication comes to is a report of a source of presence (S3).
package publication
