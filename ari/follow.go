package ari

import (
	"context"
	"time"

	"supervisiond/supervision"
)

// follower turns the frames of one attachment into domain events.
type follower struct {
	pbx     *PBX
	tracker *tracker
	event   event // reused from frame to frame
	taken   uint64
	version string // of the PBX
	full    bool   // the mailbox had no room
}

func (p *PBX) newFollower() *follower {
	f := &follower{pbx: p}
	f.tracker = newTracker(p.o.App,
		func(e supervision.Event) { f.full = f.full || !p.o.Mailbox.Offer(e) },
		p,
		func(channelID string, args []string) { p.turnAway(channelID, args) })
	return f
}

// catchUp loads the snapshot, replays what had arrived by the time it was complete, and tells what rings now.
func (f *follower) catchUp(ctx context.Context, s *socket, shot *snapshot) error {
	f.tracker.load(shot)
	for arrived := s.Arrived(); f.taken < arrived; {
		if err := f.next(ctx, s); err != nil {
			return err
		}
	}
	for id, said := range f.pbx.presentations(ctx, f.tracker.unpresented()) {
		f.tracker.presentationAnswered(id, said, time.Now())
	}
	f.version = shot.version
	if err := f.sync(ctx); err != nil {
		return err
	}
	// The PBX does not announce again what waits in the application.
	for _, e := range f.tracker.waiting(time.Now()) {
		if err := f.pbx.o.Mailbox.Post(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// sync posts what the PBX reports and waits for room: it is what puts an overflow right.
func (f *follower) sync(ctx context.Context) error {
	return f.pbx.o.Mailbox.Post(ctx, f.tracker.sync(f.version, time.Now()))
}

// follow takes frames as they come, until the socket fails.
func (f *follower) follow(ctx context.Context, s *socket) error {
	for {
		if err := f.next(ctx, s); err != nil {
			return err
		}
		if f.full {
			return errMailboxFull
		}
	}
}

// next waits for a frame, or for what the PBX was asked.
func (f *follower) next(ctx context.Context, s *socket) error {
	select {
	case frame, ok := <-s.Frames():
		if !ok {
			return s.Err()
		}
		f.taken++
		return f.frame(frame)
	case a := <-f.pbx.answers:
		a(f.tracker, time.Now())
		return nil
	case <-f.pbx.resync:
		err := f.sync(ctx)
		f.pbx.store.again()
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// frame takes one frame. Types that nobody needs are counted and skipped, and so is what cannot be read: the PBX may be
// newer than this program.
func (f *follower) frame(fr frame) error {
	kind := peekType(fr.data)
	if kind == "" {
		f.pbx.metrics.skipped.Inc()
		return nil
	}
	if err := decode(fr.data, &f.event); err != nil {
		f.pbx.metrics.junk.Inc()
		f.pbx.log.Warn("a frame of the PBX could not be read", "type", kind, "error", err)
		return nil
	}
	f.pbx.metrics.frame(kind)
	if kind == "ApplicationReplaced" {
		return errReplaced
	}
	if f.pbx.store.hears(&f.event) {
		return nil
	}
	f.tracker.handle(&f.event, fr.at)
	if kind == "ChannelCreated" {
		f.pbx.lookAtDialplan(f.event.Channel.ID)
		f.pbx.lookForStore(f.event.Channel.ID)
	}
	return nil
}
