package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/bus"
	"supervisiond/bus/embedded"
	"supervisiond/supervision"
)

// follow calls apply with each document of a site as it is and as it changes, and with nil when it goes. It returns an
// error when something was missed: forget everything then, and call it again.
func follow(ctx context.Context, nc *nats.Conn, site string, apply func(key string, document []byte)) error {
	prefix := "supervision.v1." + site + ".state."
	changes, err := nc.SubscribeSync(prefix + ">") // first: changes wait here
	if err != nil {
		return err
	}
	defer func() { _ = changes.Unsubscribe() }()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	bucket, err := js.KeyValue(ctx, "SUPERVISION_"+site)
	if err != nil {
		return err
	}
	present, err := bucket.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	seen := make(map[string]uint64) // the sequence of what was applied, by key
	for e := range present.Updates() {
		if e == nil {
			break // that was all
		}
		seen[e.Key()] = e.Revision()
		apply(e.Key(), e.Value())
	}
	_ = present.Stop()
	for last := uint64(0); ; {
		m, err := changes.NextMsgWithContext(ctx)
		if err != nil {
			return err
		}
		sequence, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil || last != 0 && sequence != last+1 {
			return fmt.Errorf("a gap after %d", last)
		}
		last = sequence
		key := strings.TrimPrefix(m.Subject, prefix)
		switch {
		case sequence <= seen[key]: // known from the bucket
		case len(m.Data) == 0:
			apply(key, nil)
		default:
			apply(key, m.Data)
		}
	}
}

// The client that docs/nats.md shows is the one above, and it misses nothing.
func TestClientRecipe(t *testing.T) {
	list := blocks(t, natsPage, "go")
	if len(list) != 1 || !strings.Contains(read(t, "test/docs/recipe_test.go"), list[0].text) {
		t.Fatal("docs/nats.md does not show the client that is tested here")
	}
	take, url := startBus(t)
	put := func(key string, version int) {
		take(supervision.Put{Key: key, Document: &supervision.PersonDocument{Name: strconv.Itoa(version)}})
	}
	const people, versions = 5, 200
	for p := range people {
		put("person.p"+strconv.Itoa(p), 0)
	}
	put("person.gone", 0)

	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	go func() {
		for v := 1; v <= versions; v++ {
			for p := range people {
				put("person.p"+strconv.Itoa(p), v)
			}
		}
		take(supervision.Forget{Key: "person.gone"})
	}()

	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	state := map[string]string{}
	err = follow(ctx, nc, "hq", func(key string, document []byte) {
		delete(state, key)
		if document != nil && strings.HasPrefix(key, "person.") {
			var p supervision.PersonDocument
			if err := json.Unmarshal(document, &p); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			state[key] = p.Name
		}
		done := len(state) == people
		for _, version := range state {
			done = done && version == strconv.Itoa(versions)
		}
		if done {
			cancel()
		}
	})
	if ctx.Err() != context.Canceled {
		t.Errorf("missed something: %v, %v", err, state)
	}
}

// startBus runs a bus on an embedded server, and gives what it takes and where the server is.
func startBus(t *testing.T) (take func(...supervision.Effect), url string) {
	t.Helper()
	s, err := embedded.Start(embedded.Options{Site: "hq", Listen: "127.0.0.1:0", StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	user, password := s.Login()
	var b *bus.Bus
	b = bus.New(bus.Options{
		Site: "hq", Connect: bus.URL("", nats.InProcessServer(s), nats.UserInfo(user, password)),
		Metrics: prometheus.NewRegistry(),
		Begin: func(e supervision.EpochBegun) {
			b.Take(e.At, []supervision.Effect{supervision.Put{Key: "site", Document: &supervision.SiteDocument{ID: "hq", Epoch: e.Epoch, NATS: supervision.NATSDocument{Connected: true}}}})
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		limit, end := context.WithTimeout(context.Background(), 5*time.Second)
		defer end()
		_ = s.Shutdown(limit)
	})
	deadline := time.After(10 * time.Second)
	for !b.Ready() {
		select {
		case <-deadline:
			t.Fatal("the bus is not ready")
		case <-time.After(5 * time.Millisecond):
		}
	}
	return func(effects ...supervision.Effect) { b.Take(time.Now(), effects) }, s.ClientURL()
}
