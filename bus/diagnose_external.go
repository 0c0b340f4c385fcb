package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
)

// external is an external server that is tried.
type external struct {
	Diagnosis
	Report
	nc *nats.Conn
	js jetstream.JetStream

	mu      sync.Mutex
	refused []string // what the server does not permit
}

func diagnoseExternal(ctx context.Context, o Diagnosis, r Report) {
	x := &external{Diagnosis: o, Report: r}
	if !x.connect() {
		x.untried("version, JetStream, permissions and storage")
		return
	}
	defer x.nc.Close()
	for _, s := range []struct {
		try  func(context.Context) bool
		rest string
	}{
		{x.server, "permissions and storage"},
		{x.permissions, "storage"},
		{x.storage, ""},
	} {
		limited, cancel := context.WithTimeout(ctx, diagnoseStep)
		ok := s.try(limited)
		cancel()
		if !ok {
			if s.rest != "" {
				x.untried(s.rest)
			}
			return
		}
	}
	limited, cancel := context.WithTimeout(ctx, diagnoseStep)
	defer cancel()
	x.logins(limited)
}

func (x *external) untried(what string) {
	x.Warn("not tried: NATS "+what, "mend what failed above, and run this again")
}

// connect logs in as the daemon does, once.
func (x *external) connect() bool {
	var err error
	x.nc, err = x.Connect(
		nats.Name("supervisiond doctor "+x.Site),
		nats.CustomInboxPrefix(subject.Inbox(subject.Daemon)),
		nats.NoReconnect(),
		nats.Timeout(diagnoseStep),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { x.hear(err) }),
	)
	switch {
	case err == nil:
		x.Pass("NATS answers at " + x.URL + " and takes the credentials")
		return true
	case errors.Is(err, nats.ErrAuthorization), strings.Contains(strings.ToLower(err.Error()), "authorization violation"):
		x.Fail("NATS at "+x.URL+" refuses the credentials", "check nats.user and nats.password, nats.credentials_file or nats.nkey; "+
			"supervisiond nats-permissions prints the user for the server's configuration")
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		x.Fail("nobody answers at "+x.URL, "start the NATS server, or correct nats.url; leave nats.url out to use the embedded server")
	default:
		x.Fail("NATS at "+x.URL+": "+err.Error(), "check nats.url, the way to the server, and nats.tls")
	}
	return false
}

func (x *external) hear(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refused = append(x.refused, err.Error())
}

// server looks at version and JetStream.
func (x *external) server(ctx context.Context) bool {
	version := x.nc.ConnectedServerVersion()
	if !recent(version) {
		x.Fail("the NATS server is version "+version, "upgrade it to 2.11 or newer; or leave out nats.url and use the embedded one")
		return false
	}
	var err error
	if x.js, err = jetstream.New(x.nc, jetstream.WithDefaultTimeout(connectTimeout)); err == nil {
		_, err = x.js.AccountInfo(ctx)
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		x.Fail("NATS "+version+" has no JetStream for this account", "write jetstream {} in the server's configuration, "+
			"and jetstream: enabled in the account's; then restart the server")
		return false
	case err != nil:
		x.Fail("JetStream does not answer: "+err.Error(), "may the daemon's user publish to $JS.API.>, and subscribe to "+
			subject.Inbox(subject.Daemon)+".>? supervisiond nats-permissions prints what it needs")
		return false
	}
	x.Pass("NATS is version " + version + ", with JetStream")
	return true
}

// permissions tries to subscribe and publish as the daemon does. What is published says nothing: to the buckets it is on
// condition of a stream that they do not have, so that none of them keeps it.
func (x *external) permissions(ctx context.Context) bool {
	root := subject.Root(x.Site)
	for _, s := range []string{subject.Command(x.Site) + "*.*.*", root + ".>", "$SRV.PING"} {
		if _, err := x.nc.SubscribeSync(s); err != nil {
			x.hear(err)
		}
	}
	probe := root + ".doctor"
	for _, s := range []string{
		probe, subject.BucketKey(subject.StateBucket(x.Site)) + "doctor", subject.BucketKey(subject.LoginsBucket(x.Site)) + "doctor",
	} {
		m := nats.NewMsg(s)
		m.Header.Set(jetstream.ExpectedStreamHeader, "doctor")
		if err := x.nc.PublishMsg(m); err != nil {
			x.hear(err)
		}
	}
	if err := x.nc.FlushWithContext(ctx); err != nil {
		x.Fail("NATS does not answer: "+err.Error(), "look at the server's log")
		return false
	}
	// The server's complaints come before its answer, but are handed out by another goroutine.
	sleep(ctx, 100*time.Millisecond)
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.refused) > 0 {
		x.Fail("NATS does not permit what the daemon does: "+strings.Join(x.refused, "; "),
			"give its user the permissions that supervisiond nats-permissions prints")
		return false
	}
	x.Pass("NATS permits what the daemon does")
	return true
}

// storage makes a stream of its own as the daemon makes its, on disk, reads from it, and takes it away again.
func (x *external) storage(ctx context.Context) bool {
	name := "SUPERVISION_DOCTOR_" + x.Site
	c := jetstream.StreamConfig{
		Name: name, Description: "supervisiond doctor: may be removed", Subjects: []string{"$KV." + name + ".>"},
		Storage: jetstream.FileStorage, MaxBytes: 1 << 20,
	}
	if _, err := x.js.Stream(ctx, subject.EventStream(x.Site)); errors.Is(err, jetstream.ErrStreamNotFound) {
		c.MaxBytes = max(x.History.MaxBytes, c.MaxBytes) // what the daemon will ask for
	}
	stream, err := x.js.CreateOrUpdateStream(ctx, c)
	if err != nil {
		x.Fail("a stream cannot be made: "+err.Error(), fmt.Sprintf("give the account room (max_file_store, limits), %s for the history "+
			"(history.max_bytes); may the daemon's user publish to $JS.API.>?", size(c.MaxBytes)))
		return false
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err == nil {
		_, err = consumer.FetchNoWait(1)
	}
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	removed := x.js.DeleteStream(removing, name)
	switch {
	case err != nil:
		x.Fail("a stream cannot be read: "+err.Error(), "may the daemon's user publish to $JS.API.>? supervisiond nats-permissions "+
			"prints what it needs")
		return false
	case removed != nil:
		x.Warn("the stream "+name+" could not be removed: "+removed.Error(), "remove it: nats stream rm "+name)
	}
	return x.kinds(ctx)
}

// kinds looks at streams that are there already: how they are stored cannot be changed.
func (x *external) kinds(ctx context.Context) bool {
	for _, want := range []jetstream.StreamConfig{loginsConfig(x.Site), eventsConfig(x.Site, x.History), stateConfig(x.Site, defaultMarkerTTL)} {
		stream, err := x.js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue // the daemon makes it
		}
		if err != nil {
			x.Fail("the stream "+want.Name+": "+err.Error(), "look at the server's log; nats stream info "+want.Name)
			return false
		}
		if have := stream.CachedInfo().Config.Storage; have != want.Storage {
			x.Fail(fmt.Sprintf("the stream %s is stored in %s and must be in %s", want.Name, have, want.Storage),
				"remove it, and the daemon makes it anew: nats stream rm "+want.Name)
			return false
		}
	}
	x.Pass("streams can be made, read and removed")
	return true
}

// logins warns of logins that a crash of the server's machine would lose: whether a server syncs at each write is told to
// its own administrators only.
func (x *external) logins(ctx context.Context) {
	name := subject.BucketStream(subject.LoginsBucket(x.Site))
	const enough = 3
	replicas := 1 // as the daemon makes it
	if stream, err := x.js.Stream(ctx, name); err == nil {
		replicas = stream.CachedInfo().Config.Replicas
	}
	if replicas >= enough {
		x.Pass(fmt.Sprintf("logins are kept by %d servers", replicas))
		return
	}
	x.Warn("logins are kept by one server, which by default writes them to disk every two minutes",
		"in a cluster: nats stream edit "+name+" --replicas 3 (once the daemon has made it). With one server: sync_interval: always "+
			"in its jetstream {}, and this warning means nothing")
}
