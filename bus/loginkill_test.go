package bus

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"supervisiond/bus/embedded"
	"supervisiond/supervision"
)

// childDir tells the test binary, run again as a child, where to keep what it stores.
const childDir = "SUPERVISIOND_TEST_LOGINS_DIR"

// TestChildThatIsKilled is not a test: it stores logins and says so, until it is killed.
func TestChildThatIsKilled(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return // only TestG9NoAcknowledgedLoginIsLostInAKill makes sense of it
	}
	s, err := embedded.Start(embedded.Options{Site: site, Listen: "127.0.0.1:0", StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	out := make(outcomes, 100)
	b := newBus(t, inProcess(s), withCopy(dir), out.adjust)
	b.waitReady(t)
	const together = 8
	for k := uint64(1); ; k++ {
		person, in := k, k%2 == 0
		if k%3 == 0 {
			person, in = k-1, k%2 == 0 // the other way round
		}
		fmt.Printf("sent %d %d %t\n", k, person, in)
		b.take(save(k, fmtPerson(person), in))
		if k >= together {
			if e := out.next(t); e.Failed {
				t.Fatalf("write %d failed", e.Write)
			} else {
				fmt.Printf("acked %d\n", e.Write)
			}
		}
	}
}

func TestG9NoAcknowledgedLoginIsLostInAKill(t *testing.T) {
	dir := t.TempDir()
	total := 0
	for round := range 4 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThatIsKilled$", "-test.v")
		child.Env = append(os.Environ(), childDir+"="+dir)
		lines, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		type write struct {
			person uint64
			in     bool
		}
		sent := make(map[uint64]write)
		acked := make(map[uint64]bool)
		last := 100 + rand.IntN(200)
		for scanner := bufio.NewScanner(lines); scanner.Scan(); {
			var k uint64
			var w write
			if n, _ := fmt.Sscanf(scanner.Text(), "sent %d %d %t", &k, &w.person, &w.in); n == 3 {
				sent[k] = w
			} else if n, _ := fmt.Sscanf(scanner.Text(), "acked %d", &k); n == 1 {
				acked[k] = true
			}
			if len(acked) == last {
				_ = child.Process.Kill()
			}
		}
		_ = child.Wait() // killed
		if len(acked) < last {
			t.Fatalf("the child ended by itself after %d logins", len(acked))
		}
		total += len(acked)

		want, unsure := make(map[uint64]bool), make(map[uint64]bool)
		for k := uint64(1); sent[k].person != 0; k++ {
			if acked[k] {
				want[sent[k].person] = sent[k].in
			} else {
				unsure[sent[k].person] = true
			}
		}
		if round%2 == 1 { // the bucket has not survived it: the copy has
			remove(t, files(t, dir, "KV_SUPERVISION_hq_LOGINS"))
		}
		s := startEmbedded(t, dir)
		b := newBus(t, inProcess(s), withCopy(dir))
		var stored map[supervision.PersonID]bool
		select {
		case e := <-b.begun:
			stored = make(map[supervision.PersonID]bool)
			for _, l := range e.Logins {
				stored[l.Person] = l.LoggedIn
			}
		case <-time.After(patience):
			t.Fatal("no epoch")
		}
		for person, in := range want {
			got, there := stored[fmtPerson(person)]
			if !there || got != in && !unsure[person] {
				t.Errorf("%s is %t (stored: %t), acknowledged was %t", fmtPerson(person), got, there, in)
			}
		}
		b.stop()
		stopEmbedded(t, s)
	}
	t.Logf("%d logins acknowledged before four kills", total)
}
