package ari

import (
	"context"
	"errors"
	"fmt"
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
	w := &sweep{
		began: time.Now(), people: slices.Compact(people), taken: make(map[string]bool), lines: make(map[string]forwarding.Stored),
	}
	e, err := s.run(ctx, storeReadContext, storeKeys, make(map[string]string))
	if s.failed(ctx, err) {
		return
	}
	w.cut = e.cut
	var some []string
	for _, ext := range w.people {
		w.taken[ext] = true
		if _, has := e.keys[ext]; has || e.cut {
			some = append(some, ext)
		}
	}
	var others []string
	for ext, forwards := range e.keys {
		if forwards {
			others = append(others, ext)
		}
	}
	some = append(some, s.take(w, others)...)
	w.blocks = slices.Collect(slices.Chunk(some, storeBlock))
	s.sweep = w
	if len(w.blocks) == 0 {
		s.finish(ctx)
	}
}

// take notes which lines of nobody's a sweep is to read besides.
func (s *store) take(w *sweep, others []string) []string {
	var list []string
	for _, ext := range slices.Sorted(slices.Values(others)) {
		switch {
		case w.taken[ext]:
		case w.others < maxOthers:
			w.taken[ext] = true
			w.others++
			list = append(list, ext)
		case !s.crowded:
			s.crowded = true
			s.log.Warn("more lines that are nobody's are forwarded than are looked at; where forwards end that lead to the others "+
				"is not known", "looked_at", maxOthers)
		}
	}
	return list
}

// goOn reads the next block of a sweep. Where the PBX could not tell all lines that have something, forwards are followed
// to where they lead.
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
	w.blocks = w.blocks[1:]
	if w.cut {
		w.blocks = slices.AppendSeq(w.blocks, slices.Chunk(s.take(w, targets(e.lines)), storeBlock))
	}
	if len(w.blocks) == 0 {
		s.finish(ctx)
	}
}

// targets are the lines that these are forwarded to.
func targets(lines map[string]forwarding.Stored) []string {
	var list []string
	for _, line := range lines {
		for _, kind := range forwarding.Kinds() {
			if target := line.Target(kind); isLine(target) {
				list = append(list, target)
			}
		}
	}
	return list
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

// readLines reads lines of which the PBX has told that they have changed, and where they lead if that is not known.
func (s *store) readLines(ctx context.Context, lines []string) {
	read := make(map[string]forwarding.Stored)
	for range maxHops {
		e, err := s.ask(ctx, lines)
		if s.failed(ctx, err) {
			return
		}
		maps.Copy(read, e.lines)
		lines = slices.DeleteFunc(targets(e.lines), func(ext string) bool {
			_, known := s.known[ext]
			_, again := read[ext]
			return known || again || slices.Contains(s.asked, ext)
		})
		slices.Sort(lines)
		if lines = slices.Compact(lines); len(lines) == 0 {
			break
		}
	}
	s.worked()
	s.metrics.reads.Inc()
	maps.DeleteFunc(read, func(ext string, line forwarding.Stored) bool { return s.known[ext] == line })
	s.tell(ctx, read)
}

// tell says what some lines have.
func (s *store) tell(ctx context.Context, lines map[string]forwarding.Stored) {
	if len(lines) == 0 {
		return
	}
	for ext, line := range lines {
		s.note(ext, line)
	}
	_ = s.mailbox.Post(ctx, supervision.StoreRead{At: time.Now(), Lines: lines})
}

// note remembers what a line has. A sweep under way may have read it before.
func (s *store) note(ext string, line forwarding.Stored) {
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

func (s *store) ask(ctx context.Context, lines []string) (*errand, error) {
	e, err := s.run(ctx, storeReadContext, storeLines, map[string]string{storeVarList: strings.Join(lines, "-")})
	if err == nil && !e.tells(lines...) {
		err = errStoreSilent
	}
	return e, err
}

// carryOut writes, and tells what was there before and what was read back. It has succeeded only if that is what was to
// be written (F7). If somebody else had changed the line meanwhile, that is told apart, as it is not the writer's doing.
func (s *store) carryOut(ctx context.Context, w waitingWrite) {
	told := supervision.StoreWritten{Write: w.Write, Extension: w.Extension}
	e, err := s.tryWrite(ctx, w)
	if e != nil {
		told.Read, told.Before, told.Now = true, e.before[w.Extension], e.lines[w.Extension]
		if told.Before != s.known[w.Extension] {
			s.tell(ctx, map[string]forwarding.Stored{w.Extension: told.Before})
		}
		s.note(w.Extension, told.Now)
		if !written(w.Changes, told.Now) {
			err = errStoreOther
		}
	}
	if told.Failed = err != nil; told.Failed {
		told.Unknown = !told.Read && !errors.Is(err, errNoStoreContexts) && !errors.Is(err, errNotAsked)
		s.metrics.notWritten.Inc()
		s.log.Warn("the PBX's store was not written", "extension", w.Extension, "reason", err)
	} else {
		s.metrics.written.Inc()
	}
	told.At = time.Now()
	_ = s.mailbox.Post(ctx, told)
}

func (s *store) tryWrite(ctx context.Context, w waitingWrite) (*errand, error) {
	vars, why := writeVars(s.families, w.WriteStore)
	if why != "" {
		return nil, fmt.Errorf("%w: %s", errNotAsked, why)
	}
	limited, cancel := context.WithDeadlineCause(ctx, w.deadline, errStoreTimeout)
	defer cancel()
	if limited.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errNotAsked, context.Cause(limited))
	}
	e, err := s.run(limited, storeWriteContext, storeWrite, vars)
	if err == nil {
		if _, before := e.before[w.Extension]; !before || !e.tells(w.Extension) {
			err = errStoreSilent
		}
	}
	if err != nil {
		s.failed(ctx, err)
		return nil, err
	}
	s.worked()
	return e, nil
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
