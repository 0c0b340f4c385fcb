package ari

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// versionContext tells by its one extension which generated dialplan the PBX has.
const versionContext = "supervision-version"

// lookAgain is when the dialplan is looked at once more if something was missing: the administrator may have mended it.
const lookAgain = time.Minute

// probe finds out, after each attachment, whether the PBX has the generated dialplan of this version and its phones can
// reach it. ARI evaluates functions only on a channel, so it asks on the first that there is; making one for the purpose
// would leave a call record.
type probe struct {
	running atomic.Bool
	plain   atomic.Bool               // FreePBX did not lay it out, as far as is known
	next    atomic.Pointer[time.Time] // when to look again; nil: at once
	verdict atomic.Pointer[string]    // what was said last
}

// restart lets it look anew: the PBX has been attached to.
func (q *probe) restart() {
	q.plain.Store(false)
	q.next.Store(nil)
	q.verdict.Store(nil)
}

// lookAtDialplan asks on a channel, unless it is known how things are.
func (p *PBX) lookAtDialplan(channelID string) {
	if next := p.probe.next.Load(); next != nil && (next.IsZero() || time.Now().Before(*next)) {
		return
	}
	if !p.probe.running.CompareAndSwap(false, true) {
		return
	}
	if !p.enqueue(order{"look at the dialplan", func(ctx context.Context) {
		defer p.probe.running.Store(false)
		p.checkDialplan(ctx, channelID)
	}}) {
		p.probe.running.Store(false)
	}
}

// checkDialplan finds out what is missing.
func (p *PBX) checkDialplan(ctx context.Context, channelID string) {
	o := p.o.Dialplan
	version, err := dialplanVersion(o)
	if err != nil {
		p.sayDialplan(slog.LevelError, "the dialplan cannot be generated: "+err.Error())
		return
	}
	current, err1 := p.exists(ctx, channelID, versionContext, version)
	any, err2 := p.exists(ctx, channelID, pickupContext, "t1")
	reachable, err3 := p.exists(ctx, channelID, p.o.PhoneContext, o.Pickup)
	freePBX, err4 := p.exists(ctx, channelID, freePBXContext, "s")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		var failed *Error
		if !errors.As(err, &failed) || failed.Status != http.StatusNotFound {
			p.log.Warn("the PBX's dialplan could not be looked at", "error", err)
		}
		return // the channel is gone; the next one will do
	}
	p.probe.plain.Store(!freePBX)
	switch {
	case !any:
		p.sayDialplan(slog.LevelError, "the PBX does not have the generated dialplan, so nobody can pick up by phone; put the "+
			"output of `supervisiond dialplan` into a file that extensions.conf includes, and run: asterisk -rx 'dialplan reload'")
	case !current:
		p.sayDialplan(slog.LevelWarn, "the PBX has the generated dialplan of another version or configuration; generate it again "+
			"with `supervisiond dialplan`, and run: asterisk -rx 'dialplan reload'")
	case !reachable:
		p.sayDialplan(slog.LevelError, "phones cannot dial the feature codes; let the context "+p.o.PhoneContext+" include "+
			o.FeaturesContext)
	default:
		p.probe.next.Store(&time.Time{})
		p.metrics.dialplan.Set(1)
		p.log.Info("the PBX has the generated dialplan", "version", version)
	}
}

// sayDialplan says what is missing, once, and has it looked at again.
func (p *PBX) sayDialplan(level slog.Level, verdict string) {
	next := time.Now().Add(lookAgain)
	p.probe.next.Store(&next)
	p.metrics.dialplan.Set(0)
	if last := p.probe.verdict.Swap(&verdict); last != nil && *last == verdict {
		return
	}
	p.log.Log(context.Background(), level, verdict) //nolint:sloglint // one of those above
}

func (p *PBX) exists(ctx context.Context, channelID, dialplanContext, exten string) (bool, error) {
	value, err := p.rest.ChannelVariable(ctx, channelID, "DIALPLAN_EXISTS("+dialplanContext+","+exten+",1)")
	return value == "1", err
}
