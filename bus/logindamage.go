package bus

import (
	"maps"
	"slices"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

// verdict is what became of the bucket and of the copy since an earlier life of the daemon.
type verdict struct {
	restored []supervision.StoredLogin // those that the copy has and the bucket has no longer, or older
	spoilt   map[string]error          // keys whose login is nowhere to be had
	damage   string                    // what is wrong with the bucket as a whole; empty: nothing
	alone    bool                      // there is no copy that is as new as the bucket
}

// unknown says whether logins may be missing without anybody knowing which.
func (v verdict) unknown() bool { return v.damage != "" && v.alone }

// floor is the epoch below which no new one may be.
func (l *logins) floor(v verdict, p past) uint64 {
	floor := max(p.history, l.epoch)
	if v.unknown() {
		// The count may be what was lost. The time in seconds is later than any count.
		floor = max(floor, uint64(l.now().Unix()))
	}
	return floor
}

// adopt says what the logins are. The bucket is what counts. The copy is for what the bucket ought to have and has not: a
// life of the daemon that writes a copy puts the epoch into both, so a bucket with a higher one was written by a life that
// this copy knows nothing of. Otherwise the copy is right about each key that the bucket does not have in a newer revision:
// what is removed leaves a marker there.
func (l *logins) adopt(f *found, p past) ([]supervision.StoredLogin, verdict) {
	l.copying.Lock()
	defer l.copying.Unlock()
	copied := make(map[string]copiedLogin)
	v := verdict{spoilt: make(map[string]error), alone: true}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch = p.epoch
	if c := l.copied; c != nil {
		for _, k := range c.Logins {
			copied[loginKeyOf(k.Group, k.Person)] = k
		}
		v.alone = c.Epoch < p.epoch
		l.epoch = max(l.epoch, c.Epoch)
	}
	switch {
	case len(f.unreadable) > 0:
		v.damage = "some of it cannot be read"
	case f.lost:
		v.damage = "the server found a part of it destroyed"
	case len(f.entries) == 0 && p.epoch == 0 && max(p.history, l.epoch) > 0:
		v.damage = "it is empty, and the daemon has run here before"
	case p.epoch < p.history:
		v.damage = "it is older than the history"
	}

	// What was forgotten before anything was known is gone (ForgetLogin).
	maps.DeleteFunc(l.keys, func(_ string, k *loginKey) bool { return k.stored != nil || !k.unsure })
	keys := slices.Concat(slices.Collect(maps.Keys(f.entries)), slices.Collect(maps.Keys(copied)), f.unreadable)
	slices.Sort(keys)
	var list []supervision.StoredLogin
	for _, key := range slices.Compact(keys) {
		if key == epochKey || l.keys[key] != nil {
			continue
		}
		e, there := f.entries[key]
		in, problem := e.understand(key)
		if slices.Contains(f.unreadable, key) {
			problem = errUnreadable
		}
		c, known := copied[key]
		switch {
		case known && (problem != nil || !v.alone && (!there || e.revision <= c.Revision)):
			if in == nil || *in != c.LoggedIn {
				v.restored = append(v.restored, supervision.StoredLogin{Group: c.Group, Person: c.Person, LoggedIn: c.LoggedIn})
			}
			in = &c.LoggedIn
		case problem != nil:
			v.spoilt[key] = problem
			continue
		case in == nil:
			continue
		}
		k := l.keyLocked(key)
		k.stored = in
		list = append(list, supervision.StoredLogin{Group: k.group, Person: k.person, LoggedIn: *in})
	}
	l.adopted = true
	return list, v
}

// names writes logins for the log: sales.ben=out.
func names(list []supervision.StoredLogin) []string {
	text := make([]string, len(list))
	for i, l := range list {
		text[i] = string(l.Group) + "." + string(l.Person) + "=out"
		if l.LoggedIn {
			text[i] = string(l.Group) + "." + string(l.Person) + "=in"
		}
	}
	return text
}

// rotten says whether the bucket should be made anew: the server can also fail to read what it writes behind a damaged part.
func (v verdict) rotten() bool { return v.damage != "" }

// report logs what is damaged, what became of the logins, and what is to be done.
func (l *logins) report(list []supervision.StoredLogin, v verdict) {
	bucket := subject.LoginsBucket(l.site)
	if len(v.restored) > 0 {
		l.log.Error("the bucket of login states is damaged, and the daemon's own copy has what is missing: these logins are as they "+
			"were, and nobody has to do anything for them; check the disk of the NATS server",
			"bucket", bucket, "copy", l.path, "damage", v.damage, "logins", names(v.restored))
	}
	for _, key := range slices.Sorted(maps.Keys(v.spoilt)) {
		l.log.Error("a stored login is damaged and is left out: the person starts in that group as if new; "+
			"log them in or out again as it should be, check the disk, and find out who else writes to the bucket",
			"bucket", bucket, "key", key, "problem", v.spoilt[key])
	}
	switch {
	case v.unknown():
		l.log.Error("the bucket of login states is damaged, and the daemon has no copy that is as new: whoever starts anew has no "+
			"login stored any more and begins as their group says, and what was kept may be older than the last choice; "+
			"log them in or out again as it should be, and check the disk of the NATS server",
			"bucket", bucket, "copy", l.path, "damage", v.damage, "kept", names(list), "start_anew", names(l.without(list)))
	case v.damage != "" && len(v.restored) == 0:
		l.log.Warn("the bucket of login states is damaged, and no login is missing; check the disk of the NATS server",
			"bucket", bucket, "damage", v.damage)
	}
}

// without lists who has no login stored, and how they start.
func (l *logins) without(list []supervision.StoredLogin) []supervision.StoredLogin {
	if l.newcomers == nil {
		return nil
	}
	stored := make(map[string]bool, len(list))
	for _, s := range list {
		stored[loginKeyOf(s.Group, s.Person)] = true
	}
	return slices.DeleteFunc(l.newcomers(), func(s supervision.StoredLogin) bool { return stored[loginKeyOf(s.Group, s.Person)] })
}
