package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
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
}

func diagnoseExternal(ctx context.Context, o Diagnosis, r Report) {
	x := &external{Diagnosis: o, Report: r}
	defer x.close()
	for _, s := range []struct {
		try  func(context.Context) bool
		rest string
	}{
		{x.connect, "version, permissions, JetStream and storage"},
		{x.version, "permissions, JetStream and storage"},
		{x.permissions, "JetStream and storage"},
		{x.jetStream, "storage"},
		{x.storage, ""},
		{x.logins, ""},
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
}

func (x *external) close() {
	if x.nc != nil {
		x.nc.Close()
	}
}

func (x *external) untried(what string) {
	x.Warn("not tried: NATS "+what, "mend what failed above, and run this again")
}

// connect logs in as the daemon does, once.
func (x *external) connect(ctx context.Context) bool {
	var err error
	x.nc, err = x.open(ctx)
	switch {
	case err == nil:
		x.Pass("NATS answers at " + x.URL + " and takes the credentials")
		return true
	case errors.Is(err, nats.ErrAuthorization), strings.Contains(strings.ToLower(err.Error()), "authorization violation"):
		x.Fail("NATS at "+x.URL+" refuses the credentials", "check nats.user and nats.password, nats.credentials_file or nats.nkey; "+
			"docs/nats.md has the user for the server's configuration")
	case errors.Is(err, nats.ErrNoServers), timedOut(err):
		x.Fail("nobody answers at "+x.URL, "start the NATS server, or correct nats.url; leave nats.url out to use the embedded server")
	default:
		x.Fail("NATS at "+x.URL+": "+err.Error(), "check nats.url, the way to the server, and nats.tls")
	}
	return false
}

// timedOut: whose deadline passes first, the client's own or its connection's, is chance.
func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// open connects. NATS's client does not know contexts: a connection that comes too late is closed.
func (x *external) open(ctx context.Context) (*nats.Conn, error) {
	type outcome struct {
		nc  *nats.Conn
		err error
	}
	opened := make(chan outcome, 1)
	servers := time.Duration(strings.Count(x.URL, ",") + 1)
	go func() {
		nc, err := x.Connect(
			nats.Name("supervisiond doctor "+x.Site),
			nats.CustomInboxPrefix(subject.Inbox(subject.Daemon)),
			nats.NoReconnect(),
			nats.Timeout(diagnoseStep/servers),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // each is asked for
		)
		opened <- outcome{nc, err}
	}()
	select {
	case o := <-opened:
		return o.nc, o.err
	case <-ctx.Done():
		go func() {
			if late := <-opened; late.nc != nil {
				late.nc.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func (x *external) version(context.Context) bool {
	version := x.nc.ConnectedServerVersion()
	if !recent(version) {
		x.Fail("the NATS server is version "+version, "upgrade it to 2.11 or newer; or leave out nats.url and use the embedded one")
		return false
	}
	x.Pass("NATS is version " + version)
	return true
}

// permissions tries to subscribe and publish as the daemon does. What is published says nothing: to the buckets it is on
// condition of a stream that they do not have, so that none of them keeps it.
func (x *external) permissions(ctx context.Context) bool {
	root := subject.Root(x.Site)
	var refused []string
	for _, s := range []string{
		subject.Inbox(subject.Daemon) + ".doctor", subject.Command(x.Site) + "*.*.*", root + ".>", "$SRV.PING",
	} {
		allowed, err := x.maySubscribe(ctx, s)
		if err != nil {
			return x.silent(err)
		}
		if !allowed {
			refused = append(refused, "subscribing to "+s)
		}
	}
	for _, s := range []string{
		root + ".doctor", subject.BucketKey(subject.StateBucket(x.Site)) + "doctor",
		subject.BucketKey(subject.LoginsBucket(x.Site)) + "doctor", "$JS.API.INFO",
	} {
		allowed, err := x.mayPublish(ctx, s)
		if err != nil {
			return x.silent(err)
		}
		if !allowed {
			refused = append(refused, "publishing to "+s)
		}
	}
	if len(refused) > 0 {
		x.Fail("NATS does not permit what the daemon does: "+strings.Join(refused, ", "),
			"give its user the permissions that docs/nats.md lists")
		return false
	}
	x.Pass("NATS permits what the daemon does")
	return true
}

func (x *external) silent(err error) bool {
	x.Fail("NATS does not answer: "+err.Error(), "look at the server's log")
	return false
}

func (x *external) maySubscribe(ctx context.Context, to string) (bool, error) {
	sub, err := x.nc.SubscribeSync(to)
	if err != nil {
		return false, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	return x.allowed(ctx, to)
}

func (x *external) mayPublish(ctx context.Context, to string) (bool, error) {
	m := nats.NewMsg(to)
	m.Header.Set(jetstream.ExpectedStreamHeader, "doctor")
	if err := x.nc.PublishMsg(m); err != nil {
		return false, err
	}
	return x.allowed(ctx, to)
}

// allowed waits until the server has taken note of what was sent last: it refuses before it answers.
func (x *external) allowed(ctx context.Context, what string) (bool, error) {
	if err := x.nc.FlushWithContext(ctx); err != nil {
		return false, err
	}
	err := x.nc.LastError()
	return err == nil || !strings.Contains(err.Error(), `"`+what+`"`), nil
}

func (x *external) jetStream(ctx context.Context) bool {
	var err error
	if x.js, err = jetstream.New(x.nc, jetstream.WithDefaultTimeout(connectTimeout)); err == nil {
		_, err = x.js.AccountInfo(ctx)
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		x.Fail("NATS has no JetStream for this account", "write jetstream {} in the server's configuration, "+
			"and jetstream: enabled in the account's; then restart the server")
		return false
	case err != nil:
		x.Fail("JetStream does not answer: "+err.Error(), "look at the server's log; may the daemon's user get answers at "+
			subject.Inbox(subject.Daemon)+".>? docs/nats.md lists what it needs")
		return false
	}
	x.Pass("NATS has JetStream for this account")
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
		if ctx.Err() != nil { // it may have been made all the same
			_ = x.remove(ctx, name)
		}
		x.Fail("a stream cannot be made: "+err.Error(), fmt.Sprintf("give the account room (max_file_store, limits), %s for the history "+
			"(history.max_bytes); may the daemon's user publish to $JS.API.>?", size(c.MaxBytes)))
		return false
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err == nil {
		_, err = consumer.FetchNoWait(1)
	}
	removed := x.remove(ctx, name)
	switch {
	case err != nil:
		x.Fail("a stream cannot be read: "+err.Error(), "may the daemon's user publish to $JS.API.>? docs/nats.md lists what it needs")
		return false
	case removed != nil:
		x.Warn("the stream "+name+" could not be removed: "+removed.Error(), "remove it: nats stream rm "+name)
	}
	return x.kinds(ctx)
}

// remove takes the stream away even if the diagnosis was cut short.
func (x *external) remove(ctx context.Context, stream string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return x.js.DeleteStream(ctx, stream)
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
func (x *external) logins(ctx context.Context) bool {
	name := subject.BucketStream(subject.LoginsBucket(x.Site))
	const enough = 3
	replicas := 1 // as the daemon makes it
	if stream, err := x.js.Stream(ctx, name); err == nil {
		replicas = stream.CachedInfo().Config.Replicas
	}
	if replicas >= enough {
		x.Pass(fmt.Sprintf("logins are kept by %d servers", replicas))
		return true
	}
	x.Warn("logins are kept by one server, which by default writes them to disk every two minutes",
		"in a cluster: nats stream edit "+name+" --replicas 3 (once the daemon has made it). With one server: sync_interval: always "+
			"in its jetstream {}, and this warning means nothing")
	return true
}
