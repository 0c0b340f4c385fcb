package ari

import (
	"context"
	"slices"
	"strings"
)

// FreePBX's contexts, where the phones' context ends in one that takes every number, bad-number: what phones reach before
// that, and what of it FreePBX generates, without the administrator's own.
const (
	freePBXPhones    = "from-internal"
	freePBXCustom    = "from-internal-custom"
	freePBXGenerated = "from-internal-additional"
)

var freePBXReached = []string{"from-internal-noxfer", "from-internal-xfer"}

// codes finds out whether phones reach the feature codes, and nothing else by them.
func (d *diagnosis) codes(ctx context.Context) bool {
	there, err := d.isThere(ctx, d.PhoneContext)
	if err != nil {
		d.failed("the feature codes", err)
		return false
	}
	if !there {
		d.Fail("the PBX has no context "+d.PhoneContext, "name the context in which phones dial in asterisk.phone_context")
		return false
	}
	places, err := d.places(ctx)
	if err != nil {
		d.failed("the feature codes", err)
		return false
	}
	if len(places) == 0 {
		d.Warn("whether phones reach the feature codes cannot be told: "+d.PhoneContext+" takes every number",
			"see which comes first: asterisk -rx 'dialplan show "+d.Dialplan.Pickup+"@"+d.PhoneContext+"'; it must be that of "+
				d.Dialplan.FeaturesContext)
		return false
	}
	reachable, err := d.anyHas(ctx, places, d.ours())
	if err != nil {
		d.failed("the feature codes", err)
		return false
	}
	if !reachable {
		d.unreachable(places)
		return false
	}
	return d.alone(ctx, places)
}

func (d *diagnosis) unreachable(places []string) {
	where := "[" + d.PhoneContext + "]"
	if places[0] != d.PhoneContext {
		where = "[" + freePBXCustom + "] in extensions_custom.conf"
	}
	d.Fail("phones cannot dial the feature codes: "+d.PhoneContext+" does not lead to "+d.Dialplan.FeaturesContext,
		"let the context "+where+" have: include => "+d.Dialplan.FeaturesContext+". Then "+reload+
			". Or name the context in which phones dial in asterisk.phone_context")
}

// alone finds out whether the PBX has something else behind the codes.
func (d *diagnosis) alone(ctx context.Context, places []string) bool {
	numbers := d.dialled()
	taken := make([]bool, len(numbers))
	err := each(ctx, numbers, func(ctx context.Context, i int, number string) (err error) {
		taken[i], err = d.taken(ctx, places, number)
		return err
	})
	if err != nil {
		d.failed("the feature codes", err)
		return false
	}
	var list []string
	for i, number := range numbers {
		if taken[i] {
			list = append(list, number)
		}
	}
	slices.Sort(list)
	if len(list) > 0 {
		d.Warn("the PBX's own dialplan has extensions that match feature codes: "+some(list),
			"see which comes first: asterisk -rx 'dialplan show "+list[0]+"@"+d.PhoneContext+"'. Choose other codes (features in "+
				"the configuration), or take these out of the PBX's dialplan")
		return false
	}
	d.Pass("feature codes can be dialled in " + d.PhoneContext + ", and nothing else was found behind them")
	return true
}

// places are the contexts to look into for what phones reach. It is that of the phones, unless that takes every number:
// then parts of it that do not, if any are known.
func (d *diagnosis) places(ctx context.Context) ([]string, error) {
	full, err := d.everywhere(ctx, d.PhoneContext, d.beyondOurs())
	if !full || err != nil {
		return []string{d.PhoneContext}, err
	}
	var places []string
	parts, err := d.parts(ctx)
	for _, p := range parts {
		full, err := d.everywhere(ctx, p, d.beyondOurs())
		if err != nil {
			return nil, err
		}
		if !full {
			places = append(places, p)
		}
	}
	return places, err
}

// parts are the known parts of the phones' context, if this is FreePBX's.
func (d *diagnosis) parts(ctx context.Context) ([]string, error) {
	if d.PhoneContext != freePBXPhones {
		return nil, nil
	}
	var parts []string
	for _, c := range freePBXReached {
		there, err := d.isThere(ctx, c)
		if err != nil {
			return nil, err
		}
		if there {
			parts = append(parts, c)
		}
	}
	return parts, nil
}

// everywhere says whether a context has a number, and also those that differ in its first digit and mean no feature:
// then the number is there because every number is.
func (d *diagnosis) everywhere(ctx context.Context, dialplanContext, number string) (bool, error) {
	first := strings.IndexAny(number, "0123456789")
	if first < 0 {
		return false, nil
	}
	others := d.neighbours(number, first)
	for _, n := range append(others, number) {
		if found, err := d.exists(ctx, dialplanContext, n, "1"); !found || err != nil {
			return false, err
		}
	}
	return len(others) > 0, nil
}

// neighbours are the numbers that differ in one digit and mean no feature.
func (d *diagnosis) neighbours(number string, at int) []string {
	var list []string
	for digit := '0'; digit <= '9'; digit++ {
		n := number[:at] + string(digit) + number[at+1:]
		if n != number && !slices.ContainsFunc(d.Dialplan.codes(), func(c featureCode) bool {
			return strings.HasPrefix(n, c.code) || strings.HasPrefix(c.code, n)
		}) {
			list = append(list, n)
		}
	}
	return list
}

func (d *diagnosis) anyHas(ctx context.Context, places []string, number string) (bool, error) {
	for _, p := range places {
		if found, err := d.exists(ctx, p, number, "1"); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// ours is what no other dialplan is likely to know, and the generated one does: a code with the longest extension.
func (d *diagnosis) ours() string { return d.Dialplan.Pickup + strings.Repeat("0", maxExtensionDigits) }

// beyondOurs is what the generated dialplan does not know either.
func (d *diagnosis) beyondOurs() string { return d.ours() + "0" }

// taken says whether a number that means a feature means something else to the PBX as well.
//
// ARI tells of a number whether it exists, not where it leads. But the generated extensions of feature codes have one
// priority, so who has a second is somebody else's; none takes more digits than the longest extension has; and a pattern
// as wide as _*2X also matches codes that are no features. What has one priority and exactly our number stays unseen,
// unless it is among what FreePBX generates.
func (d *diagnosis) taken(ctx context.Context, places []string, number string) (bool, error) {
	longer := number + strings.Repeat("0", maxExtensionDigits+1)
	for _, p := range places {
		for _, probe := range []struct{ exten, priority string }{{number, "2"}, {longer, "1"}} {
			if found, err := d.exists(ctx, p, probe.exten, probe.priority); found || err != nil {
				return found, err
			}
		}
		if wide, err := d.wide(ctx, p, number); wide || err != nil {
			return wide, err
		}
	}
	if d.PhoneContext != freePBXPhones {
		return false, nil
	}
	included, err := d.exists(ctx, freePBXGenerated, d.ours(), "1")
	if included || err != nil {
		return false, err
	}
	return d.exists(ctx, freePBXGenerated, number, "1")
}

// wide says whether the numbers beside one, those that are no feature, exist all: then a pattern covers them.
func (d *diagnosis) wide(ctx context.Context, dialplanContext, number string) (bool, error) {
	last := -1
	for _, c := range d.Dialplan.codes() {
		if strings.HasPrefix(number, c.code) {
			last = len(c.code) - 1
		}
	}
	if last < 0 {
		return false, nil
	}
	others := d.neighbours(number, last)
	for _, n := range others {
		if found, err := d.exists(ctx, dialplanContext, n, "1"); !found || err != nil {
			return false, err
		}
	}
	return len(others) > 0, nil
}

const (
	// diagnoseLines and diagnoseGroups bound of how many it is looked whether their numbers behind codes are free.
	diagnoseLines  = 50
	diagnoseGroups = 20
)

// dialled are the feature codes with what usually follows.
func (d *diagnosis) dialled() []string {
	o, lines, groups := &d.Dialplan, []string{"100"}, []string{"1"}
	if len(d.People) > 0 {
		lines = nil
		for _, p := range d.People[:min(len(d.People), diagnoseLines)] {
			lines = append(lines, p.Extension)
		}
	}
	if len(d.Groups) > 0 {
		groups = d.Groups[:min(len(d.Groups), diagnoseGroups)]
	}
	list := []string{o.Pickup, o.CancelForwarding}
	for _, line := range lines {
		list = append(list, o.Pickup+line, o.CancelForwarding+line)
	}
	for _, group := range groups {
		list = append(list, o.PickupGroup+group, o.Join+group, o.Leave+group, o.Toggle+group, o.Toggle+group+"*"+lines[0])
	}
	return list
}
