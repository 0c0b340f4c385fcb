package app

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"supervisiond/config"
	"supervisiond/supervision"
)

// settle is how long a file must have been left alone before it is read: editors write in several steps.
const settle = 200 * time.Millisecond

// Reload reads the configuration anew and applies it (G10). If anything in it is wrong the old one stays in force, and
// the error is a config.Errors that says what. What cannot change while the daemon runs keeps its value, with a warning.
func (a *App) Reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	next, err := config.Load(a.config.File)
	if err != nil {
		return err
	}
	for _, fixed := range fixedParts(a.config, next) {
		a.log.Warn("this part of the configuration changes with the next start only", "part", fixed)
	}
	// The PBX's dialplan has the families in it: what is judged here and what is carried out there must agree on them.
	next.Forwarding.Families = a.config.Forwarding.Families
	event := supervision.Configured{
		At: time.Now(), Directory: next.Directory, Forwarding: next.Forwarding, PickupTimeout: next.Pickup.Timeout,
	}
	// First: who learns from the engine that something has changed looks here for what there is now.
	before := a.current.Swap(next)
	if err := a.engine.Post(ctx, event); err != nil {
		a.current.Store(before)
		return err
	}
	if err := a.followViews(ctx); err != nil { // somebody may be new who has a program already
		return err
	}
	a.console.Reconfigured()
	if a.sip != nil {
		a.sip.Reconfigured()
	}
	if a.level != nil {
		a.level.Set(next.Log.Level)
	}
	a.pbx.Resync()
	a.log.Info("the configuration was reloaded", "people", len(next.Directory.People()), "groups", len(next.Directory.Groups()))
	return nil
}

// fixedParts names what differs between two configurations and cannot change while the daemon runs.
func fixedParts(old, next *config.Config) []string {
	var parts []string
	for name, pair := range map[string][2]any{
		"site": {old.Site, next.Site}, "asterisk": {old.Asterisk, next.Asterisk}, "nats": {old.NATS, next.NATS},
		"http": {old.HTTP, next.HTTP}, "sip": {old.SIP, next.SIP}, "features": {old.Features, next.Features},
		"forwarding.families": {old.Forwarding.Families, next.Forwarding.Families}, "history": {old.History, next.History},
		"log.format": {old.Log.Format, next.Log.Format},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			parts = append(parts, name)
		}
	}
	return parts
}

// watchConfig reloads when the file changes, until the context ends.
func (a *App) watchConfig(ctx context.Context) {
	const unnoticed = "changes of the configuration file are not noticed; send SIGHUP instead"
	file, err := watchFile(a.config.File)
	if err != nil {
		a.log.Warn(unnoticed, "error", err)
		return
	}
	defer func() { _ = file.Close() }()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case e := <-file.Events:
			changed, err := file.changed(e)
			if err != nil {
				a.log.Warn(unnoticed, "error", err)
			}
			if changed {
				quiet.Reset(settle)
			}
		case err := <-file.Errors:
			a.log.Warn("watching the configuration file", "error", err)
		case <-quiet.C:
			a.ReloadAndLog(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// ReloadAndLog reloads, and logs each mistake with its place if that cannot be.
func (a *App) ReloadAndLog(ctx context.Context) {
	err := a.Reload(ctx)
	if err == nil {
		return
	}
	mistakes, ok := err.(config.Errors) //nolint:errorlint // as documented
	if !ok {
		a.log.Error("the configuration was not reloaded", "error", err)
		return
	}
	for _, m := range mistakes {
		a.log.Error("the configuration has a mistake; the old one stays in force",
			"at", fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Col), "mistake", m.Message)
	}
}
