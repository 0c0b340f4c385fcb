package ari

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

const (
	// diagnoseAtOnce is how many questions are asked at a time.
	diagnoseAtOnce = 8
	// diagnoseNames is how many names a line lists: the report is to stay on one screen.
	diagnoseNames = 8
)

// some lists names, and how many more there are.
func some(names []string) string {
	if len(names) <= diagnoseNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:diagnoseNames], ", "), len(names)-diagnoseNames)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// each asks about each of a list, several at a time, and gives the first error.
func each[T any](ctx context.Context, list []T, ask func(context.Context, int, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	slots := make(chan struct{}, diagnoseAtOnce)
	for i, x := range list {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			if err := ask(ctx, i, x); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// found is what a look for an extension finds.
type found int

const (
	foundNot    found = iota
	foundAsAny        // so is any number
	foundItself       // itself
)

// extensions finds out whether each person can be dialled.
func (d *diagnosis) extensions(ctx context.Context) bool {
	parts, err := d.parts(ctx)
	if err != nil {
		d.failed("people's extensions", err)
		return false
	}
	there := make([]found, len(d.People))
	err = each(ctx, d.People, func(ctx context.Context, i int, p DiagnosedPerson) (err error) {
		there[i], err = d.find(ctx, parts, p.Extension)
		return err
	})
	if err != nil {
		d.failed("people's extensions", err)
		return false
	}
	var missing, unsure []string
	for i, p := range d.People {
		switch there[i] {
		case foundNot:
			missing = append(missing, p.ID+" ("+p.Extension+")")
		case foundAsAny:
			unsure = append(unsure, p.Extension)
		}
	}
	switch {
	case len(missing) > 0:
		d.Fail(fmt.Sprintf("%s cannot be dialled in %s: %s", count(len(missing), "extension", "extensions"), d.PhoneContext, some(missing)),
			"correct the extension in the configuration or the PBX's dialplan (asterisk -rx 'dialplan show "+d.PhoneContext+
				"'); is asterisk.phone_context the context in which phones dial?")
	case len(unsure) > 0:
		d.Pass(fmt.Sprintf("%s can be dialled in %s, as can any other number: a wrong one would not show",
			count(len(d.People), "extension", "extensions"), d.PhoneContext))
	case len(d.People) > 0:
		d.Pass(count(len(d.People), "extension", "extensions") + " can be dialled in " + d.PhoneContext)
	}
	return true
}

// find looks for an extension. Where the phones' context takes every number, parts of it may not.
func (d *diagnosis) find(ctx context.Context, parts []string, extension string) (found, error) {
	best, err := d.findIn(ctx, d.PhoneContext, extension)
	if best != foundAsAny || err != nil || len(parts) == 0 {
		return best, err
	}
	best = foundNot
	for _, p := range parts {
		f, err := d.findIn(ctx, p, extension)
		if err != nil {
			return foundNot, err
		}
		best = max(best, f)
	}
	return best, nil
}

func (d *diagnosis) findIn(ctx context.Context, dialplanContext, extension string) (found, error) {
	there, err := d.exists(ctx, dialplanContext, extension, "1")
	if !there || err != nil {
		return foundNot, err
	}
	if full, err := d.everywhere(ctx, dialplanContext, extension); full || err != nil {
		return foundAsAny, err
	}
	return foundItself, nil
}

// endpoints finds out whether the PBX knows each person's endpoints, and which are registered.
func (d *diagnosis) endpoints(ctx context.Context) bool {
	list, err := d.rest.Endpoints(ctx)
	if err != nil {
		d.failed("the PBX's endpoints", err)
		return false
	}
	states := make(map[string]string, len(list))
	for _, e := range list {
		states[e.Technology+"/"+e.Resource] = e.State
	}
	var unknown, away []string
	all := 0
	for _, p := range d.People {
		for _, name := range p.Endpoints {
			all++
			switch state, known := states[name]; {
			case !known:
				unknown = append(unknown, name+" of "+p.ID)
			case state != "online":
				away = append(away, name)
			}
		}
	}
	if len(unknown) > 0 {
		d.Fail(fmt.Sprintf("%s not known to the PBX: %s", count(len(unknown), "endpoint is", "endpoints are"), some(unknown)),
			"correct endpoints in the configuration or pjsip.conf; the PBX's names: asterisk -rx 'pjsip show endpoints'")
	}
	if len(away) > 0 {
		d.Warn(fmt.Sprintf("%s not registered at the moment: %s", count(len(away), "endpoint is", "endpoints are"), some(away)),
			"if the phone is switched on, look at its account: asterisk -rx 'pjsip show contacts'")
	}
	if len(unknown)+len(away) == 0 && all > 0 {
		d.Pass(count(all, "endpoint is", "endpoints are") + " known to the PBX and registered")
	}
	return true
}

// settings looks at what ARI shows of pjsip.conf. A PBX that does not show it is not complained about.
func (d *diagnosis) settings(ctx context.Context) bool {
	if global, err := d.rest.sorcery(ctx, "global", "global"); err == nil && global["taskprocessor_overload_trigger"] == "global" {
		d.Warn("a program that listens to this PBX and stands still can keep calls from coming in",
			"write taskprocessor_overload_trigger = pjsip_only below [global] in pjsip.conf, and run: "+
				"asterisk -rx 'module reload res_pjsip.so'")
	}
	var names []string
	for _, p := range d.People {
		names = append(names, p.Endpoints...)
	}
	var mu sync.Mutex
	var blind, frank []string
	_ = each(ctx, names, func(ctx context.Context, _ int, name string) error {
		id, ours := strings.CutPrefix(name, "PJSIP/")
		if !ours {
			return nil
		}
		e, err := d.rest.sorcery(ctx, "endpoint", id)
		if err != nil {
			return nil //nolint:nilerr // an endpoint that is not known has been told of, and others need not be shown
		}
		mu.Lock()
		defer mu.Unlock()
		if isNo(e["send_pai"]) && isNo(e["send_rpid"]) {
			blind = append(blind, name)
		}
		if isYes(e["trust_id_outbound"]) {
			frank = append(frank, name)
		}
		return nil
	})
	slices.Sort(blind)
	slices.Sort(frank)
	if len(blind) > 0 {
		d.Warn("who picks up does not see the caller on "+some(blind),
			"write send_pai = yes, or send_rpid = yes, for these endpoints in pjsip.conf, and run: asterisk -rx 'pjsip reload'")
	}
	if len(frank) > 0 {
		d.Warn("withheld numbers are sent to "+some(frank),
			"write trust_id_outbound = no for these endpoints in pjsip.conf, and run: asterisk -rx 'pjsip reload'")
	}
	return true
}

func isYes(v string) bool { return v == "yes" || v == "true" }
func isNo(v string) bool  { return v == "no" || v == "false" }
