// Package softphone is a SIP phone for tests: it registers, rings, answers,
// refuses, redirects, calls, transfers and hangs up under a test's control or by itself,
// shows what a phone's display would show, and sends and hears real audio.
//
// What a phone says is its mark: instead of silence it sends a payload that
// spells its name over and over. A PBX passes that unchanged between two phones
// of one codec, so a call can tell whom it really hears ([Call.Hears],
// [Call.Heard]), which no signalling can prove.
//
// Nothing here sleeps: every step of a call is an [Event] with its time, and
// whatever has to be waited for is waited for with a context.
package softphone
