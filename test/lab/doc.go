// Package lab runs real Asterisk PBXs on this machine, each with its own
// folders and ports, as many as wanted side by side, as root or not. What it
// runs is in the tree that the script get-asterisk beside it makes.
//
//	pbx := lab.Start(t, lab.Options{Dialplan: text})
//	pbx.ARIURL(), pbx.ARIUser(), pbx.ARIPassword(), pbx.SIPAddr()
//
// # Devices
//
// Each registers, over UDP or TCP, with [Password] of its user.
//
//	101, 101-home   Anna Berger, 101; the extension rings both
//	102             Ben Okafor, 102
//	102-web         Ben Okafor's web client; 102 does not ring it, 592 does
//	103 to 110      Carla Diaz, Dora Lind, Emil Novak, Fatma Aydin, Georg Huber,
//	                Hana Sato, Igor Petrov, Julia Costa
//	trunk           the outside: need not register, says whom it likes in From,
//	                P-Asserted-Identity and Privacy, and dials in from-trunk
//
// # Numbers, in context internal, where phones dial
//
//	1XX        the person: see below; rings 60 s, longer than any test takes
//	91XX       the person, for 2 s, then hung up (cause 19, 480)
//	81XX       the person, for 2 s, then "voicemail": answered, echoes
//	61XX       the person; the caller's name and number are withheld
//	592        device 102-web
//	700        ring group of devices: 102, 103, 104; 60 s
//	701        ring group of people, through local channels: 102, 103; 60 s
//	750        102 through two local channels, one within the other
//	800        queue "support": devices 102, 103, all at once, 60 s in all;
//	           the caller hears ringing and is answered when a member is
//	801        queue "support-local": people 102, 103, through local channels
//	300        answers and echoes
//	317        is busy (cause 17, 486)
//
// The trunk dials 4930 and any of these numbers, in context from-trunk.
//
// Before all of these comes what [Options].Dialplan has in context supervision.
// Phones subscribe to lamps in context lamps: 1XX, and supervision-hints.
//
// # People
//
// A person's extension keeps to the AstDB as FreePBX does:
//
//	DND/1XX    any value: busy at once
//	CF/1XX     a number of context internal: goes there at once
//	CFB/1XX    likewise, when busy (and when DND)
//	CFU/1XX    likewise, when not answered or not registered
//	CFUT/1XX   after how many seconds CFU does (and ringing ends); 60 if unset
//
// A forward is Dial(Local/<number>@internal). Where nothing of this helps the
// caller gets cause 17 (busy, 486) or 19 (no answer, 480).
//
// # Laid out as FreePBX does it
//
// With [Options].Layout [FreePBX] the same numbers lead to the same people, by
// way of what FreePBX 16 and 17 generate: phones dial in from-internal and
// subscribe to lamps there, the world comes in by from-trunk, ext-did and
// from-did-direct; extensions are in ext-local, ring groups in ext-group, queues
// in ext-queues and named as their numbers. What rings a phone is a Dial in a
// subroutine, two or three deep, where the extension is s. The AstDB says whose
// a device is and what an extension has (DEVICE, AMPUSER, CW). Besides,
//
//	107        follow-me: rings 107, and through local channels 103 and 104
//	702        as 700, and the others are not told that it was answered elsewhere
//	703        hunt group: 102 for 60 s, then 103 through a local channel
//	*72<n> *73     CF on, off; likewise *90<n> *91 for CFB and *52<n> *53 for CFU
//	*78 *79 *76    DND on, off, toggle
//	*21            follow-me on and off
//	**<ext>        FreePBX's own pickup
//
// The codes set the lamps Custom:CF… and Custom:DEVCF…, Custom:DND… and
// Custom:DEVDND…. A number that nobody has ends with congestion (503). Rings that
// no forward or voicemail waits for have no end; there is no CFUT. Inbound routes
// mark every caller as one who may be shown, and keep what the caller wished in
// CALLINGNUMPRES_SV and CALLINGNAMEPRES_SV; see [Options].KeepPresentation.
package lab
