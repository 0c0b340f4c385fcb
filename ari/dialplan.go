package ari

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"supervisiond/forwarding"
)

// The values of DialplanOptions.WhenDown.
const (
	whenDownRefuse       = "refuse"
	whenDownPickupGroups = "pickup_groups"
)

const (
	// dialplanFormat rises when the daemon and the dialplan no longer understand each other.
	dialplanFormat = 1
	// askSeconds is how long a phone waits for the daemon. It answers within milliseconds, or is in trouble.
	askSeconds = 2
	// causeAway is AST_CAUSE_SUBSCRIBER_ABSENT, to PJSIP phones 480. They render it as a congestion tone. 503 would
	// sound the same, but phones that know several servers then take this one for broken and leave it.
	causeAway = 20
	// E.164 has 15 digits, and no PBX has a million groups.
	maxExtensionDigits = 15
	maxGroupDigits     = 6
)

// Where feature codes lead: those that pick up, and all others, which have no fall-back. Nothing includes these contexts.
const (
	askContext     = "supervision-ask"
	commandContext = "supervision-command"
)

// hintsContext is where phones subscribe to lamps.
const hintsContext = "supervision-hints"

// DialplanOptions are what the generated dialplan depends on.
type DialplanOptions struct {
	App             string // the Stasis application
	FeaturesContext string // what the phones' context includes
	// These are feature codes.
	Pickup, PickupGroup, Join, Leave, Toggle, CancelForwarding string
	// WhenDown says what a phone gets that wants to pick up when the daemon is away: refuse (a tone), or pickup_groups
	// (a call of the pickup groups that pjsip.conf gives the phone). The other codes are refused then.
	WhenDown string
	// Families are where the PBX keeps forwards and do-not-disturb.
	Families forwarding.Families
}

var (
	nameSyntax = regexp.MustCompile(`^[A-Za-z0-9_-]{1,79}$`)
	codeSyntax = regexp.MustCompile(`^[0-9*#]{1,16}$`)
)

// featureCode is a code and the key of the configuration that it comes from.
type featureCode struct{ key, code string }

func (o *DialplanOptions) codes() []featureCode {
	return []featureCode{
		{"features.pickup", o.Pickup}, {"features.pickup_group", o.PickupGroup}, {"features.join", o.Join},
		{"features.leave", o.Leave}, {"features.toggle", o.Toggle}, {"features.cancel_forwarding", o.CancelForwarding},
	}
}

// validate lets nothing through that means something else in a dialplan.
func (o *DialplanOptions) validate() error {
	for _, name := range []struct{ key, value string }{
		{"asterisk.ari.app", o.App}, {"asterisk.features_context", o.FeaturesContext},
	} {
		if !nameSyntax.MatchString(name.value) {
			return fmt.Errorf("%s: %q cannot stand in a dialplan; allowed are letters, digits, _ and -", name.key, name.value)
		}
	}
	if helper := strings.HasPrefix(o.FeaturesContext, "supervision-"); helper || o.FeaturesContext == "general" || o.FeaturesContext == "globals" {
		return fmt.Errorf("asterisk.features_context: %q has another meaning in the dialplan; choose another name", o.FeaturesContext)
	}
	if o.WhenDown != whenDownRefuse && o.WhenDown != whenDownPickupGroups {
		return fmt.Errorf("features.when_down: %q is neither %s nor %s", o.WhenDown, whenDownRefuse, whenDownPickupGroups)
	}
	if err := validateFamilies(o.Families); err != nil {
		return err
	}
	return o.validateCodes()
}

func (o *DialplanOptions) validateCodes() error {
	codes := o.codes()
	for i, c := range codes {
		if !codeSyntax.MatchString(c.code) {
			return fmt.Errorf("%s: %q cannot stand in a dialplan; allowed are digits, * and #", c.key, c.code)
		}
		for _, other := range codes[:i] {
			if beginsLike(c.code, other.code) || beginsLike(other.code, c.code) {
				return fmt.Errorf("%s: %q cannot be told from %q of %s, which is followed by digits; choose another code",
					c.key, c.code, other.code, other.key)
			}
		}
	}
	return nil
}

// beginsLike tells whether dialled is the code, or the code and then a digit.
func beginsLike(dialled, code string) bool {
	rest, ok := strings.CutPrefix(dialled, code)
	return ok && (rest == "" || rest[0] >= '0' && rest[0] <= '9')
}

//go:embed dialplan.conf.tmpl
var dialplanText string

var dialplanTemplate = template.Must(template.New("dialplan").Option("missingkey=error").Funcs(template.FuncMap{
	"add": func(a, b int) int { return a + b },
}).Parse(dialplanText))

// Dialplan writes the file that extensions.conf is to include.
//
// Its second line, "; supervisiond-dialplan v<format>_<hash>", tells whether two files are the same without comparing
// them: the hash is of all the rest. An extension named after it tells the daemon what the PBX has loaded.
func Dialplan(o DialplanOptions) (string, error) {
	version, err := dialplanVersion(o)
	if err != nil {
		return "", err
	}
	return o.fill(version)
}

// dialplanVersion names what Dialplan would write.
func dialplanVersion(o DialplanOptions) (string, error) {
	if err := o.validate(); err != nil {
		return "", err
	}
	text, err := o.fill("")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("v%d_%s", dialplanFormat, hex.EncodeToString(sum[:8])), nil
}

func (o *DialplanOptions) fill(version string) (string, error) {
	var b strings.Builder
	err := dialplanTemplate.Execute(&b, struct {
		DialplanOptions
		FileVersion                                string
		PickupGroups                               bool
		Extensions, Groups                         []string
		Reasons                                    []reason
		MaxExtension, MaxGroup, Seconds, CauseAway int
		AskContext, CommandContext                 string
		PickupContext, ConfirmedContext            string
		RefusedContext, HintsContext               string
		VersionContext                             string
		LampRinging, LampLogin, LampForwarded      string
		Arg                                        arguments
	}{
		DialplanOptions: *o, FileVersion: version, PickupGroups: o.WhenDown == whenDownPickupGroups,
		Extensions: digitPatterns(maxExtensionDigits), Groups: digitPatterns(maxGroupDigits), Reasons: reasons,
		MaxExtension: maxExtensionDigits, MaxGroup: maxGroupDigits, Seconds: askSeconds, CauseAway: causeAway,
		AskContext: askContext, CommandContext: commandContext,
		PickupContext: pickupContext, ConfirmedContext: confirmedContext,
		RefusedContext: refusedContext, HintsContext: hintsContext, VersionContext: versionContext,
		LampRinging: lampRinging, LampLogin: lampLogin, LampForwarded: lampForwarded,
		Arg: arg,
	})
	if err == nil {
		err = fillStore(&b, o.Families)
	}
	return b.String(), err
}

// digitPatterns are X, XX and so on: Asterisk has no pattern for "some digits", and its dot would take anything.
func digitPatterns(longest int) []string {
	list := make([]string, longest)
	for i := range list {
		list[i] = strings.Repeat("X", i+1)
	}
	return list
}
