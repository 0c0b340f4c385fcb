// Package gcm is the side of a push service that Chromium itself talks to, in the house: the check-in by which it becomes a device, the
// registration by which a site's worker gets a token, and the stream on which messages come to it. The protocol is written down
// nowhere but in Chromium (google_apis/gcm), whose switches --gcm-checkin-url, --gcm-registration-url and --gcm-mcs-endpoint lead it here.
//
// What is in a message, and who may send it, is not looked at here: that is package pushservice's.
package gcm
