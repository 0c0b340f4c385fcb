package ari

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// startSweep begins to read all lines: first, which of them have anything. On most PBXs those are few.
func (s *store) startSweep(ctx context.Context) {
	people := slices.DeleteFunc(slices.Sorted(slices.Values(s.people())), func(ext string) bool { return !isLine(ext) })
	w := &sweep{began: time.Now(), people: slices.Compact(people), lines: make(map[string]forwarding.Stored)}
	e, err := s.run(ctx, storeReadContext, storeKeys, make(map[string]string))
	if s.failed(ctx, err) {
		return
	}
	some := w.people
	if !e.cut {
		some = slices.DeleteFunc(slices.Clone(some), func(ext string) bool { return !e.keys[ext] })
	}
	w.blocks = slices.Collect(slices.Chunk(some, storeBlock))
	s.sweep = w
	if len(w.blocks) == 0 {
		s.finish(ctx)
	}
}

// goOn reads the next block of a sweep.
func (s *store) goOn(ctx context.Context) {
	w := s.sweep
	e, err := s.ask(ctx, w.blocks[0])
	if s.failed(ctx, err) {
		s.sweep = nil
		return
	}
	for ext, line := range e.lines {
		w.note(ext, line)
	}
	if w.blocks = w.blocks[1:]; len(w.blocks) == 0 {
		s.finish(ctx)
	}
}

func (w *sweep) note(ext string, line forwarding.Stored) {
	if line == (forwarding.Stored{}) {
		delete(w.lines, ext)
	} else {
		w.lines[ext] = line
	}
}

// finish tells what all lines have, if that is not known.
func (s *store) finish(ctx context.Context) {
	w := s.sweep
	s.sweep = nil
	s.worked()
	s.metrics.reads.Inc()
	s.metrics.seconds.Observe(time.Since(w.began).Seconds())
	if s.told && maps.Equal(s.known, w.lines) && slices.Equal(s.asked, w.people) {
		return
	}
	s.known, s.asked, s.told = w.lines, w.people, true
	_ = s.mailbox.Post(ctx, supervision.StoreRead{At: time.Now(), Lines: maps.Clone(w.lines), Whole: true})
}

// readLines reads lines of which the PBX has told that they have changed.
func (s *store) readLines(ctx context.Context, lines []string) {
	people := s.people()
	lines = slices.DeleteFunc(lines, func(ext string) bool { return !slices.Contains(people, ext) })
	if len(lines) == 0 {
		return
	}
	e, err := s.ask(ctx, lines)
	if s.failed(ctx, err) {
		return
	}
	s.worked()
	s.metrics.reads.Inc()
	maps.DeleteFunc(e.lines, func(ext string, line forwarding.Stored) bool { return s.known[ext] == line })
	s.tell(ctx, e.lines)
}

// tell says what some lines have. A sweep under way may have read them before.
func (s *store) tell(ctx context.Context, lines map[string]forwarding.Stored) {
	if len(lines) == 0 {
		return
	}
	for ext, line := range lines {
		if s.sweep != nil {
			s.sweep.note(ext, line)
		}
		if s.known == nil {
			s.known = make(map[string]forwarding.Stored)
		}
		if line == (forwarding.Stored{}) {
			delete(s.known, ext)
		} else {
			s.known[ext] = line
		}
	}
	_ = s.mailbox.Post(ctx, supervision.StoreRead{At: time.Now(), Lines: lines})
}

func (s *store) ask(ctx context.Context, lines []string) (*errand, error) {
	e, err := s.run(ctx, storeReadContext, storeLines, map[string]string{storeVarList: strings.Join(lines, "-")})
	if err == nil && !e.tells(lines...) {
		err = errStoreSilent
	}
	return e, err
}

// carryOut writes, and tells what was read back. It has succeeded only if that is what was to be written (F7).
func (s *store) carryOut(ctx context.Context, w waitingWrite) {
	why := s.tryWrite(ctx, w)
	if why == "" {
		s.metrics.written.Inc()
	} else {
		s.metrics.notWritten.Inc()
		s.log.Warn("the PBX's store was not written", "extension", w.Extension, "reason", why)
	}
	_ = s.mailbox.Post(ctx, supervision.StoreWritten{At: time.Now(), Write: w.Write, Failed: why != ""})
}

func (s *store) tryWrite(ctx context.Context, w waitingWrite) (why string) {
	vars, why := writeVars(s.families, w.WriteStore)
	if why != "" {
		return why
	}
	limited, cancel := context.WithDeadlineCause(ctx, w.deadline, errStoreTimeout)
	defer cancel()
	e, err := s.run(limited, storeWriteContext, storeWrite, vars)
	if err == nil && !e.tells(w.Extension) {
		err = errStoreSilent
	}
	if err != nil {
		s.failed(ctx, err)
		return err.Error()
	}
	s.worked()
	read := e.lines[w.Extension]
	s.tell(ctx, map[string]forwarding.Stored{w.Extension: read})
	if !written(w.Changes, read) {
		return "it has something else than was written"
	}
	return ""
}

// worked notes that the store can be reached.
func (s *store) worked() {
	s.complained = false
}

// failed notes that the store could not be reached, and says it once until it can be again.
func (s *store) failed(ctx context.Context, err error) bool {
	if err == nil || errors.Is(err, errStoreLost) || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err != nil
	}
	s.metrics.failures.Inc()
	if errors.Is(err, errNoStoreContexts) {
		s.mu.Lock()
		s.missing, s.looked = true, time.Now()
		s.mu.Unlock()
	}
	if s.complained {
		return true
	}
	s.complained = true
	if errors.Is(err, errNoStoreContexts) {
		s.log.Error("forwards and do-not-disturb are not known: the PBX does not have the generated dialplan of this version; "+
			"put the output of `supervisiond dialplan` into a file that extensions.conf includes, and run: "+
			"asterisk -rx 'dialplan reload'", "context", storeReadContext)
	} else {
		s.log.Warn("the PBX's forwards and do-not-disturb could not be read, and are tried again", "error", err)
	}
	return true
}
