package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/embedded"
	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

// withCopy has the bus keep a copy of the logins in a folder.
func withCopy(dir string) func(*Bus) {
	return func(b *Bus) {
		b.logins.stall = 300 * time.Millisecond
		b.logins.newcomers = func() []supervision.StoredLogin {
			var list []supervision.StoredLogin
			for i := range uint64(people) {
				list = append(list, supervision.StoredLogin{Group: "sales", Person: fmtPerson(i), LoggedIn: true})
			}
			return list
		}
		b.logins.useCopy(copyIn(dir))
	}
}

func copyIn(dir string) string { return filepath.Join(dir, "logins.json") }

// people is how many have a login in the stories of damage: those with an even number are in, the others out.
const people = 20

// live is a life of the daemon in which all log in or out, and an event goes to the history.
func live(t *testing.T, dir string, adjust ...func(*Bus)) {
	t.Helper()
	out := make(outcomes, 2*people)
	s := startEmbedded(t, dir)
	b := newBus(t, inProcess(s), append(adjust, out.adjust)...)
	b.waitReady(t)
	for i := range uint64(2 * people) {
		p := i % people
		b.take(save(i+1, fmtPerson(p), (p%2 == 0) == (i >= people))) // the other way round at first
	}
	for i := range uint64(2 * people) {
		out.want(t, i+1, false)
	}
	b.take(announce(1, supervision.EventCallEnded, "c1"))
	eventually(t, "all is out", func() bool { return b.queue.depth() == 0 })
	b.stop()
	stopEmbedded(t, s)
}

// files is where the server keeps a stream.
func files(t *testing.T, dir, stream string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", stream))
	if err != nil || len(found) != 1 {
		t.Fatalf("streams called %s: %v, %v", stream, found, err)
	}
	return found[0]
}

func change(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, how(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func flipAt(part float64) func([]byte) []byte {
	return func(b []byte) []byte {
		b[int(part*float64(len(b)-1))] ^= 1
		return b
	}
}

// flipIn flips a bit in the last place where a text stands.
func flipIn(text string) func([]byte) []byte {
	return func(b []byte) []byte {
		b[max(bytes.LastIndex(b, []byte(text)), 0)+2] ^= 1
		return b
	}
}

func half(b []byte) []byte { return b[:len(b)/2] }

func overwritten(b []byte) []byte { return []byte(strings.Repeat("x", len(b))) }

// rebirth starts a life on what an earlier one left, and returns what it began with.
func rebirth(t *testing.T, s *embedded.Server, adjust ...func(*Bus)) (*runningBus, supervision.EpochBegun, outcomes) {
	t.Helper()
	out := make(outcomes, 10)
	b := newBus(t, inProcess(s), append(adjust, out.adjust)...)
	b.waitReady(t)
	return b, <-b.begun, out
}

// wrong lists who is not as they were.
func wrong(e supervision.EpochBegun) (list []string) {
	is := make(map[supervision.PersonID]bool)
	for _, l := range e.Logins {
		is[l.Person] = l.LoggedIn
	}
	for i := range uint64(people) {
		if in, there := is[fmtPerson(i)]; !there || in != (i%2 == 0) {
			list = append(list, string(fmtPerson(i)))
		}
	}
	return list
}

// damages are what can happen to the bucket's files between two lives.
func damages(t *testing.T) map[string]func(dir string) {
	t.Helper()
	list := map[string]func(string){
		"truncated": func(d string) { change(t, d+"/msgs/1.blk", half) },
		"truncated and no index": func(d string) {
			change(t, d+"/msgs/1.blk", half)
			remove(t, d+"/msgs/index.db")
		},
		"overwritten": func(d string) { change(t, d+"/msgs/1.blk", overwritten) },
		"overwritten and no index": func(d string) {
			change(t, d+"/msgs/1.blk", overwritten)
			remove(t, d+"/msgs/index.db")
		},
		"emptied":           func(d string) { change(t, d+"/msgs/1.blk", func([]byte) []byte { return nil }) },
		"no block":          func(d string) { remove(t, d+"/msgs/1.blk") },
		"no messages":       func(d string) { remove(t, d+"/msgs") },
		"index overwritten": func(d string) { change(t, d+"/msgs/index.db", overwritten) },
		"description":       func(d string) { change(t, d+"/meta.inf", flipAt(0.5)) },
		"no description":    func(d string) { remove(t, d+"/meta.inf") },
		"gone":              func(d string) { remove(t, d) },
	}
	for _, at := range []float64{0, 0.02, 0.3, 0.5, 0.77, 0.95, 1} {
		list[fmt.Sprint("bit at ", at)] = func(d string) { change(t, d+"/msgs/1.blk", flipAt(at)) }
		list[fmt.Sprint("bit and no index at ", at)] = func(d string) {
			change(t, d+"/msgs/1.blk", flipAt(at))
			remove(t, d+"/msgs/index.db")
		}
	}
	return list
}

func TestG9ADamagedBucketLosesNoLogin(t *testing.T) {
	for name, damage := range damages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			live(t, dir, withCopy(dir))
			live(t, dir, withCopy(dir)) // epoch 2
			damage(files(t, dir, "KV_SUPERVISION_hq_LOGINS"))

			s := startEmbedded(t, dir)
			b, e, out := rebirth(t, s, withCopy(dir))
			if list := wrong(e); len(list) > 0 {
				t.Errorf("not as they were: %v", list)
			}
			if e.Epoch != 3 {
				t.Errorf("epoch %d", e.Epoch)
			}
			// The bucket is whole again, and serves.
			kv := loginsBucket(t, dial(t, s.ClientURL()))
			for i := range uint64(people) {
				eventually(t, "the bucket has it", func() bool { return stored(kv, string(fmtPerson(i))) == fmt.Sprint(i%2 == 0) })
			}
			if value(kv, "epoch") != "3" {
				t.Errorf("the bucket's epoch is %s", value(kv, "epoch"))
			}
			b.take(save(1, "p1", true))
			out.want(t, 1, false)
			b.take(save(2, "p0", false))
			out.want(t, 2, false)
			b.stop()
			stopEmbedded(t, s)

			// And so it stays.
			_, e, _ = rebirth(t, startEmbedded(t, dir), withCopy(dir))
			if list := wrong(e); !slices.Equal(list, []string{"p0", "p1"}) || e.Epoch != 4 {
				t.Errorf("epoch %d; changed are %v", e.Epoch, list)
			}
		})
	}
}

func TestADamagedBucketIsSaid(t *testing.T) {
	dir := t.TempDir()
	live(t, dir, withCopy(dir))
	change(t, files(t, dir, "KV_SUPERVISION_hq_LOGINS")+"/msgs/1.blk", flipIn(`"person":"p7"`))
	b, _, _ := rebirth(t, startEmbedded(t, dir), withCopy(dir))
	for _, part := range []string{
		"level=ERROR", "the bucket of login states is damaged", "copy=" + copyIn(dir), `logins="[sales.p7=out]"`, "some of it cannot be read",
		"nobody has to do anything for them", "check the disk",
	} {
		if !b.log.has(part)() {
			t.Errorf("the log does not say %q", part)
		}
	}
}

// Without a copy, what can be read is kept, and the log names the others.
func TestADamagedBucketWithoutACopy(t *testing.T) {
	for name, damage := range damages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			live(t, dir, withCopy(dir))
			live(t, dir, withCopy(dir))
			remove(t, copyIn(dir))
			damage(files(t, dir, "KV_SUPERVISION_hq_LOGINS"))

			s := startEmbedded(t, dir)
			b, e, out := rebirth(t, s, withCopy(dir))
			if e.Epoch < 3 {
				t.Errorf("epoch %d", e.Epoch)
			}
			for _, p := range wrong(e) {
				if !b.log.has("sales."+p+"=")() && !b.log.has("key=login.sales."+p)() {
					t.Errorf("nothing is said of %s", p)
				}
			}
			if len(wrong(e)) > 0 && !b.log.has("log them in or out again")() {
				t.Error("what to do is not said")
			}
			b.take(save(1, "p1", true))
			out.want(t, 1, false)
		})
	}
}

func TestADamagedCopyIsNotUsed(t *testing.T) {
	for name, how := range map[string]func([]byte) []byte{
		"bit": flipAt(0.5), "cut": half, "overwritten": overwritten, "empty": func([]byte) []byte { return nil },
		"of another site": func(b []byte) []byte {
			content := []byte(`{"site":"other","epoch":9,"logins":[]}`)
			return seal(t, content)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			live(t, dir, withCopy(dir))
			change(t, copyIn(dir), how)
			b, e, _ := rebirth(t, startEmbedded(t, dir), withCopy(dir))
			if list := wrong(e); len(list) > 0 || e.Epoch != 2 {
				t.Errorf("epoch %d, not as they were: %v", e.Epoch, list)
			}
			if !b.log.has("copy of the logins is damaged")() {
				t.Error("nothing is said")
			}
			if _, err := os.Stat(copyIn(dir) + ".damaged"); err != nil {
				t.Error(err)
			}
			if c, err := readLoginCopy(copyIn(dir), site); err != nil || c == nil || len(c.Logins) != people || c.Epoch != 2 {
				t.Errorf("the copy is not made anew: %+v, %v", c, err)
			}
		})
	}
}

func seal(t *testing.T, content []byte) []byte {
	t.Helper()
	c := new(loginCopy)
	if err := json.Unmarshal(content, c); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy")
	if err := c.write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The bucket is what counts: a copy of a life that is longer ago says nothing, and neither does one that missed the last
// changes.
func TestTheBucketIsRightWhereItIsNewer(t *testing.T) {
	dir := t.TempDir()
	live(t, dir, withCopy(dir))
	old, err := os.ReadFile(copyIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	s := startEmbedded(t, dir)
	b, _, out := rebirth(t, s, withCopy(dir))
	missed, err := os.ReadFile(copyIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	b.take(save(1, "p1", true), forget("p2"), save(2, "new", false))
	out.want(t, 1, false)
	out.want(t, 2, false)
	kv := loginsBucket(t, dial(t, s.ClientURL()))
	eventually(t, "it is forgotten", func() bool { return stored(kv, "p2") == "" })
	b.stop()
	stopEmbedded(t, s)
	for name, content := range map[string][]byte{"of an earlier life": old, "that missed the last": missed} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(copyIn(dir), content, 0o600); err != nil {
				t.Fatal(err)
			}
			s := startEmbedded(t, dir)
			b, e, _ := rebirth(t, s, withCopy(dir))
			if list := wrong(e); !slices.Equal(list, []string{"p1", "p2"}) || !slices.Contains(e.Logins, supervision.StoredLogin{Group: "sales", Person: "new"}) {
				t.Errorf("not as before: %v of %+v", list, e.Logins)
			}
			if b.log.has("level=ERROR")() {
				t.Error("something is said to be wrong")
			}
			b.stop()
			stopEmbedded(t, s)
		})
	}
}

// What is acknowledged is in the copy too, before anybody is told.
func TestTheCopyHasWhatIsTold(t *testing.T) {
	dir := t.TempDir()
	out := make(outcomes, 1)
	b := newBus(t, inProcess(startEmbedded(t, dir)), withCopy(dir), out.adjust)
	b.waitReady(t)
	for write := uint64(1); write <= 20; write++ {
		b.take(save(write, "ben", write%2 == 0))
		out.want(t, write, false)
		c, err := readLoginCopy(copyIn(dir), site)
		if err != nil || len(c.Logins) != 1 || c.Logins[0].LoggedIn != (write%2 == 0) || c.Epoch != 1 {
			t.Fatalf("after write %d the copy is %+v, %v", write, c, err)
		}
	}
	b.take(forget("ben"))
	eventually(t, "it is forgotten in the copy", func() bool {
		c, err := readLoginCopy(copyIn(dir), site)
		return err == nil && len(c.Logins) == 0
	})
}

func TestACopyThatCannotBeWrittenStopsNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out := make(outcomes, 1)
	b := newBus(t, inProcess(startEmbedded(t, dir)), out.adjust, func(b *Bus) { b.logins.path = filepath.Join(dir, "file", "copy") })
	b.waitReady(t)
	b.take(save(1, "ben", false))
	out.want(t, 1, false)
	if !b.log.has("copy of the logins cannot be written")() || !b.log.has("nats.embedded.store_dir")() {
		t.Error("the log does not say so")
	}
}

// An epoch is part of the ids by which the history recognises what it has already.
func TestAnEpochNeverComesTwice(t *testing.T) {
	dir := t.TempDir()
	live(t, dir, withCopy(dir))
	live(t, dir, withCopy(dir))
	s := startEmbedded(t, dir)
	nc, err := inProcess(s)(nats.CustomInboxPrefix(subject.Inbox(subject.Daemon)))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "KV_SUPERVISION_hq_LOGINS"); err != nil {
		t.Fatal(err)
	}
	remove(t, copyIn(dir))
	// What is no daemon's says nothing of epochs.
	if _, err := js.Publish(t.Context(), "supervision.v1.hq.event.call.ended.x", nil); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	began := uint64(time.Now().Unix())
	_, e, _ := rebirth(t, s, withCopy(dir))
	if e.Epoch < began {
		t.Errorf("with nothing but the history epoch %d begins", e.Epoch)
	}
	stopEmbedded(t, s)

	// The copy alone: neither history nor bucket.
	remove(t, filepath.Join(dir, "jetstream"))
	_, next, _ := rebirth(t, startEmbedded(t, dir), withCopy(dir))
	if next.Epoch != e.Epoch+1 {
		t.Errorf("after epoch %d comes %d", e.Epoch, next.Epoch)
	}
}

func TestWhatIsForgottenBeforeTheEpochIsGone(t *testing.T) {
	dir := t.TempDir()
	live(t, dir, withCopy(dir))
	b := newBus(t, inProcess(startEmbedded(t, dir)), withCopy(dir), func(b *Bus) {
		b.Take(noon, []supervision.Effect{forget("p3"), save(1, "p5", true)}) // NATS is not there yet
	})
	b.waitReady(t)
	if e := <-b.begun; !reflect.DeepEqual(wrong(e), []string{"p3"}) {
		t.Errorf("not as before: %v", wrong(e))
	}
}

// What is destroyed of the history is gone, and keeps nobody from starting.
func TestADamagedHistoryStopsNothing(t *testing.T) {
	for name, damage := range damages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := startEmbedded(t, dir)
			b := newBus(t, inProcess(s), withCopy(dir))
			b.waitReady(t)
			for i := range uint64(people) {
				b.take(announce(i+1, supervision.EventCallRinging, string(fmtPerson(i))))
			}
			eventually(t, "all is out", func() bool { return b.queue.depth() == 0 })
			b.stop()
			stopEmbedded(t, s)
			damage(files(t, dir, "SUPERVISION_EVENTS_hq"))

			b, e, _ := rebirth(t, startEmbedded(t, dir), withCopy(dir))
			if e.Epoch != 2 {
				t.Errorf("epoch %d", e.Epoch)
			}
			published := b.metric(t, "supervisiond_nats_published_total", "event")
			b.take(announce(1, supervision.EventCallRinging, "new"))
			eventually(t, "an event is kept", func() bool { return b.metric(t, "supervisiond_nats_published_total", "event") == published+1 })
		})
	}
}

// An external server may come back damaged while the daemon lives.
func TestABucketThatIsDamagedMeanwhileIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	s := startExternal(t, server.Options{JetStream: true, StoreDir: dir})
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	out := make(outcomes, people)
	b := newBus(t, URL(s.ClientURL()), withCopy(dir), out.adjust)
	b.waitReady(t)
	for i := range uint64(people) {
		b.take(save(i+1, fmtPerson(i), i%2 == 0))
	}
	for i := range uint64(people) {
		out.want(t, i+1, false)
	}
	stopExternal(s)
	eventually(t, "it is noticed", b.log.has("NATS is away"))
	change(t, files(t, dir, "KV_SUPERVISION_hq_LOGINS")+"/msgs/1.blk", flipIn(`"person":"p7"`))
	s = startExternal(t, server.Options{JetStream: true, StoreDir: dir, Port: p})
	b.waitReady(t)
	kv := loginsBucket(t, dial(t, s.ClientURL()))
	for i := range uint64(people) {
		eventually(t, "the bucket has it", func() bool { return stored(kv, string(fmtPerson(i))) == fmt.Sprint(i%2 == 0) })
	}
	if value(kv, "epoch") != "1" || !b.log.has("unreadable=[login.sales.p7]")() {
		t.Errorf("the epoch is %s, or the log does not say what was damaged", value(kv, "epoch"))
	}
	b.take(save(100, "p7", true))
	out.want(t, 100, false)
}
