package ari

import (
	"context"
	"slices"
	"strings"
)

// reload is how Asterisk takes up a changed dialplan.
const reload = "asterisk -rx 'dialplan reload'"

// dialplan finds out whether the PBX has what `supervisiond dialplan` prints for this configuration.
func (d *diagnosis) dialplan(ctx context.Context) bool {
	version, err := dialplanVersion(d.Dialplan)
	if err != nil {
		d.Fail("the dialplan cannot be generated: "+err.Error(), "correct the configuration")
		return false
	}
	any, err1 := d.exists(ctx, pickupContext, "t1", "1")
	current, err2 := d.exists(ctx, versionContext, version, "1")
	stored, err3 := d.exists(ctx, storeReadContext, storeLines, "1")
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			d.failed("the dialplan cannot be looked at", err)
			return false
		}
	}
	d.helper.storable = stored && len(storePlaces(d.Dialplan.Families)) > 0
	const again = "supervisiond dialplan > supervision.conf, beside extensions.conf, which has: #include \"supervision.conf\". Then " + reload
	switch {
	case !any:
		d.Fail("the PBX does not have the generated dialplan: nobody can pick up by phone", again)
		return false
	case !current:
		d.helper.storable = false
		d.Fail("the PBX has the generated dialplan of another configuration or version", "print it again: "+again)
		return false
	}
	d.Pass("the PBX has the generated dialplan of this configuration")
	return true
}

// codes finds out whether phones reach the feature codes, and nothing else by them.
func (d *diagnosis) codes(ctx context.Context) bool {
	reachable, err := d.exists(ctx, d.PhoneContext, d.ours(), "1")
	if err != nil {
		d.failed("the feature codes", err)
		return false
	}
	if !reachable {
		d.Fail("phones cannot dial the feature codes: "+d.PhoneContext+" does not lead to "+d.Dialplan.FeaturesContext,
			"let the context ["+d.PhoneContext+"] have: include => "+d.Dialplan.FeaturesContext+". Then "+reload+
				". Or name the context in which phones dial in asterisk.phone_context")
		return false
	}
	taken, err := d.collisions(ctx)
	if err != nil {
		d.failed("the feature codes", err)
		return false
	}
	if len(taken) > 0 {
		d.Warn("the PBX's own dialplan has extensions that match feature codes: "+strings.Join(taken, ", "),
			"see which comes first: asterisk -rx 'dialplan show "+taken[0]+"@"+d.PhoneContext+"'. Choose other codes (features in "+
				"the configuration), or take these out of the PBX's dialplan")
		return false
	}
	d.Pass("feature codes can be dialled in " + d.PhoneContext + ", and nothing else was found behind them")
	return true
}

// ours is what no other dialplan is likely to know, and the generated one does: a code with the longest extension.
func (d *diagnosis) ours() string { return d.Dialplan.Pickup + strings.Repeat("0", maxExtensionDigits) }

// collisions are dialled numbers that mean a feature, and to the PBX something else as well.
//
// ARI tells of a number whether it exists, not where it leads. But the generated extensions of feature codes have one
// priority, so who has a second is somebody else's; none takes more digits than the longest extension has; and a pattern
// as wide as _*2X also matches codes that are no features. What has one priority and exactly our number stays unseen.
func (d *diagnosis) collisions(ctx context.Context) ([]string, error) {
	var taken []string
	for _, dialled := range d.dialled() {
		for _, probe := range []struct{ exten, priority string }{
			{dialled, "2"}, {dialled + strings.Repeat("0", maxExtensionDigits+1), "1"},
		} {
			found, err := d.exists(ctx, d.PhoneContext, probe.exten, probe.priority)
			if err != nil {
				return nil, err
			}
			if found && !slices.Contains(taken, dialled) {
				taken = append(taken, dialled)
			}
		}
		wide, err := d.wide(ctx, dialled)
		if err != nil {
			return nil, err
		}
		if wide && !slices.Contains(taken, dialled) {
			taken = append(taken, dialled)
		}
	}
	return taken, nil
}

// dialled are the feature codes with what usually follows.
func (d *diagnosis) dialled() []string {
	o, line := &d.Dialplan, "100"
	if len(d.People) > 0 {
		line = d.People[0].Extension
	}
	return []string{
		o.Pickup, o.Pickup + line, o.PickupGroup + "1", o.Join + "1", o.Leave + "1", o.Toggle + "1", o.Toggle + "1*" + line,
		o.CancelForwarding, o.CancelForwarding + line,
	}
}

// wide says whether the numbers beside one, those that are no feature, exist all: then a pattern covers them.
func (d *diagnosis) wide(ctx context.Context, dialled string) (bool, error) {
	code := ""
	for _, c := range d.Dialplan.codes() {
		if strings.HasPrefix(dialled, c.code) {
			code = c.code
		}
	}
	asked := 0
	for digit := '0'; digit <= '9' && code != ""; digit++ {
		neighbour := code[:len(code)-1] + string(digit)
		if slices.ContainsFunc(d.Dialplan.codes(), func(c featureCode) bool {
			return beginsLike(neighbour, c.code) || beginsLike(c.code, neighbour)
		}) {
			continue
		}
		asked++
		found, err := d.exists(ctx, d.PhoneContext, neighbour+dialled[len(code):], "1")
		if !found || err != nil {
			return false, err
		}
	}
	return asked > 0, nil
}

// lamps finds out whether phones can subscribe to what the daemon lights.
func (d *diagnosis) lamps(ctx context.Context) bool {
	hint, err := d.rest.ChannelVariable(ctx, d.helper.id, "HINT("+d.Dialplan.Toggle+"1*100@"+hintsContext+")")
	if err != nil || !strings.HasPrefix(hint, devicePrefix+lampLogin) {
		d.Warn("the PBX has no hints for lamps in "+hintsContext, "is pbx_config the PBX's dialplan, and func_dialplan.so loaded? "+
			"Print the dialplan again and run: "+reload)
		return false
	}
	d.Pass("hints for lamps are in " + hintsContext)
	return true
}
