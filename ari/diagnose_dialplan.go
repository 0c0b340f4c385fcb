package ari

import (
	"context"
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
	some, err1 := d.exists(ctx, pickupContext, "t1", "1")
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
	case !some:
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
