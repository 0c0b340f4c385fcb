package lab

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// ARIUser is the user under which ARI answers.
const ARIUser = "supervisiond"

// Trunk is the user that calls come from outside as: its calls land in context
// from-trunk, and it may put any caller into From and P-Asserted-Identity.
const Trunk = "trunk"

// FreePBX is the layout of a PBX that FreePBX administers; see [Options].Layout.
const FreePBX = "freepbx"

// Password is the SIP password of a device or of [Trunk]. It is a rule and not
// a list, so that whoever registers a phone needs nothing but its user.
func Password(user string) string { return "secret-" + user }

// Options say what is special about one Asterisk. The zero value is a good PBX
// without supervision's dialplan.
type Options struct {
	// Dialplan is, verbatim, what "supervisiond dialplan" prints. Empty: the
	// PBX of somebody who forgot to install it.
	Dialplan string
	// ARIPassword is the password of [ARIUser]; empty means "lab".
	ARIPassword string
	// NoChannelVars leaves channelvars out of ari.conf, as a PBX that was not
	// prepared has it.
	NoChannelVars bool
	// Layout is how the PBX is laid out: empty for the plain one, or [FreePBX].
	Layout string
	// StoreEvents lets the feature codes of the FreePBX layout say by a UserEvent
	// that they wrote to the AstDB. FreePBX's own do not.
	StoreEvents bool
	// KeepPresentation lets the inbound routes of the FreePBX layout leave alone
	// how a caller wants to be presented. FreePBX's own do not: see doc.go.
	KeepPresentation bool
	// People are the PBX's extensions; nil means [DefaultPeople].
	People []Person
	// ExtraExtensions is added to extensions.conf, as contexts of its own.
	ExtraExtensions string
	// ExtraPJSIP is added to pjsip.conf, as sections of its own.
	ExtraPJSIP string
	// Suite is the Debian suite whose Asterisk to run, as get-asterisk takes it:
	// "bullseye" has Asterisk 16. Empty means what get-asterisk gives without an
	// argument: this machine's own Asterisk, or forky's, which is 22.
	Suite string
	// Tree is a root tree that has Asterisk, wherever it came from.
	Tree string
	// BootTimeout bounds how long Asterisk may take to be ready; 0 means 30 s.
	BootTimeout time.Duration
	// Logger hears what Run does; nil means silence.
	Logger *slog.Logger
}

// Person is an extension of the PBX and its devices.
type Person struct {
	Extension string
	Name      string
	// Devices ring when the extension is dialled; nil means one, named as the
	// extension is. Each is a PJSIP endpoint with [Password] of its name.
	Devices []string
	// Others can register and call as this person, and the extension does not
	// ring them.
	Others []string
}

// DeviceList is Devices as FreePBX keeps them.
func (p Person) DeviceList() string { return strings.Join(p.Devices, "&") }

// PhoneContext is the context in which phones dial.
func (o Options) PhoneContext() string {
	if o.Layout == FreePBX {
		return "from-internal"
	}
	return "internal"
}

// LampContext is the context in which phones subscribe to lamps.
func (o Options) LampContext() string {
	if o.Layout == FreePBX {
		return "from-internal"
	}
	return "lamps"
}

// QueueNames gives the names of the queues in place of those of the plain layout.
// FreePBX names a queue as its number.
func (o Options) QueueNames() *strings.Replacer {
	if o.Layout == FreePBX {
		return strings.NewReplacer("support-local", "801", "support", "800")
	}
	return strings.NewReplacer()
}

// DefaultPeople are ten people at 101 to 110, of whom 101 has a second phone
// 101-home, and 102 a web client 102-web that the extension does not ring.
func DefaultPeople() []Person {
	return []Person{
		{Extension: "101", Name: "Anna Berger", Devices: []string{"101", "101-home"}},
		{Extension: "102", Name: "Ben Okafor", Others: []string{"102-web"}},
		{Extension: "103", Name: "Carla Diaz"},
		{Extension: "104", Name: "Dora Lind"},
		{Extension: "105", Name: "Emil Novak"},
		{Extension: "106", Name: "Fatma Aydin"},
		{Extension: "107", Name: "Georg Huber"},
		{Extension: "108", Name: "Hana Sato"},
		{Extension: "109", Name: "Igor Petrov"},
		{Extension: "110", Name: "Julia Costa"},
	}
}

// complete fills in the defaults and refuses what the templates cannot carry.
func (o Options) complete() (Options, error) {
	if o.ARIPassword == "" {
		o.ARIPassword = "lab"
	}
	if strings.ContainsAny(o.ARIPassword, ";\r\n") {
		return o, errors.New("lab: ARIPassword cannot be written into ari.conf: it has a ';' or a line break")
	}
	if o.Layout != "" && o.Layout != FreePBX {
		return o, fmt.Errorf("lab: there is no layout %q", o.Layout)
	}
	if o.People == nil {
		o.People = DefaultPeople()
	}
	o.People = append([]Person(nil), o.People...)
	for i := range o.People {
		p := &o.People[i]
		if p.Extension == "" || strings.Trim(p.Extension, "0123456789") != "" {
			return o, fmt.Errorf("lab: extension %q of %q is not a number", p.Extension, p.Name)
		}
		if len(p.Devices) == 0 {
			p.Devices = []string{p.Extension}
		}
	}
	if o.BootTimeout == 0 {
		o.BootTimeout = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
