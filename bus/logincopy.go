package bus

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"supervisiond/supervision"
)

// loginCopy is what the daemon keeps of the logins in a file of its own, for the day on which the bucket has lost some.
type loginCopy struct {
	Site   string        `json:"site"`
	Epoch  uint64        `json:"epoch"` // of the life that wrote it
	Logins []copiedLogin `json:"logins"`
}

// copiedLogin is a login as last acknowledged. Revision is the key's in the bucket, by which the newer of the two is known.
type copiedLogin struct {
	Group    supervision.GroupID  `json:"group"`
	Person   supervision.PersonID `json:"person"`
	LoggedIn bool                 `json:"logged_in"`
	Revision uint64               `json:"revision"`
}

// sealed is the file: the copy, and the checksum of its bytes.
type sealed struct {
	Content json.RawMessage `json:"content"`
	SHA256  string          `json:"sha256"`
}

// readLoginCopy returns nil without an error when there is none.
func readLoginCopy(path, site string) (*loginCopy, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", errCopyDamaged, err)
	}
	if sum := sha256.Sum256(s.Content); hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, fmt.Errorf("%w: its checksum is wrong", errCopyDamaged)
	}
	c := new(loginCopy)
	if err := json.Unmarshal(s.Content, c); err != nil {
		return nil, fmt.Errorf("%w: %w", errCopyDamaged, err)
	}
	if c.Site != site {
		return nil, fmt.Errorf("%w: it is that of site %s", errCopyDamaged, c.Site)
	}
	return c, nil
}

var errCopyDamaged = errors.New("the file is not as the daemon writes it")

// write puts the copy on disk. After a crash at any point the file is the old one or this one, whole.
func (c *loginCopy) write(path string) error {
	content, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	data, err := json.Marshal(sealed{content, hex.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// useCopy reads what an earlier life of the daemon left in a file, and keeps the copy there from now on. A damaged file is
// put aside: the bucket is what counts, and some of the file may still be read by eye.
func (l *logins) useCopy(path string) {
	l.path = path
	var err error
	l.copied, err = readLoginCopy(path, l.site)
	switch {
	case errors.Is(err, errCopyDamaged):
		aside := path + ".damaged"
		l.log.Error("the daemon's copy of the logins is damaged and is not used; it is made anew from what NATS has stored. "+
			"Nothing is lost unless that is damaged too; check the disk", "copy", path, "problem", err, "put_aside", aside)
		if err := os.Rename(path, aside); err != nil {
			l.log.Warn("the damaged copy of the logins cannot be put aside", "error", err)
		}
	case err != nil:
		l.log.Warn("the daemon's copy of the logins cannot be read; what NATS has stored is used", "copy", path, "error", err)
	}
}

// remembered is what the copy says.
func (l *logins) remembered() []supervision.StoredLogin {
	l.copying.Lock()
	defer l.copying.Unlock()
	if l.copied == nil {
		return nil
	}
	list := make([]supervision.StoredLogin, len(l.copied.Logins))
	for i, c := range l.copied.Logins {
		list[i] = supervision.StoredLogin{Group: c.Group, Person: c.Person, LoggedIn: c.LoggedIn}
	}
	return list
}

// writeCopy brings the copy up to date, and says whether it is on disk. That it is not is logged, and stops nothing.
func (l *logins) writeCopy() bool {
	l.copying.Lock()
	defer l.copying.Unlock()
	c := l.snapshot()
	if c == nil {
		return false
	}
	l.copied = c
	if l.path == "" {
		return false
	}
	if err := c.write(l.path); err != nil {
		l.complaints.say("the daemon's copy of the logins cannot be written; they are stored by NATS alone until it can",
			fmt.Errorf("%w: nats.embedded.store_dir must be a folder on a disk with room that the daemon may write to", err))
		return false
	}
	l.complaints.settle()
	return true
}

// note takes down the epoch of this life, and what is stored at its beginning.
func (l *logins) note(epoch uint64) {
	l.mu.Lock()
	l.epoch = epoch
	l.mu.Unlock()
	l.writeCopy()
}

// snapshot is what the copy is to be. It is nil before it is known what is stored.
func (l *logins) snapshot() *loginCopy {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale = false
	if !l.adopted {
		return nil
	}
	c := &loginCopy{Site: l.site, Epoch: l.epoch, Logins: []copiedLogin{}}
	for _, key := range slices.Sorted(maps.Keys(l.keys)) {
		if k := l.keys[key]; k.stored != nil {
			c.Logins = append(c.Logins, copiedLogin{k.group, k.person, *k.stored, k.revision})
		}
	}
	return c
}

// keep brings the copy up to date after every change, and only then lets be told what came of the writes, until end is
// closed. Writes that come while the disk is busy share the next copy.
func (l *logins) keep(end <-chan struct{}) {
	for last := false; ; {
		l.mu.Lock()
		outcomes, stale := l.outcomes, l.stale
		l.outcomes = nil
		l.mu.Unlock()
		if stale {
			l.writeCopy()
		}
		if len(outcomes) > 0 {
			l.mu.Lock()
			l.told = append(l.told, outcomes...)
			l.mu.Unlock()
			signal(l.news)
		}
		if last {
			return
		}
		select {
		case <-l.changed:
		case <-end:
			last = true
		}
	}
}
