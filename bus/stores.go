package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
)

// defaultMarkerTTL is how long the marker of a purged key stays, for clients that come back and ask what they missed.
const defaultMarkerTTL = time.Minute

// checkServer refuses servers that lack what the state is built on: markers that expire came with 2.11.
func checkServer(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error {
	if version := nc.ConnectedServerVersion(); !recent(version) {
		return fmt.Errorf("the NATS server at %s is version %s: 2.11 or newer is needed; upgrade it, or leave out nats.url and use the embedded one",
			nc.ConnectedUrlRedacted(), version)
	}
	_, err := js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("the NATS server at %s has no JetStream for the daemon's account: enable it (jetstream {} in its configuration, and for the account): %w",
			nc.ConnectedUrlRedacted(), err)
	case err != nil:
		return fmt.Errorf("asking NATS for JetStream: %w: may the daemon's user publish to $JS.API.>? supervisiond nats-permissions prints what it needs", err)
	}
	return nil
}

// recent says whether a server's version is 2.11 or newer. One that says nothing readable is taken at its word.
func recent(version string) bool {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	minor, _, _ = strings.Cut(minor, "-")
	x, err1 := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor)
	if err1 != nil || err2 != nil {
		return version != ""
	}
	return x > 2 || x == 2 && y >= 11
}

// bucketConfig is the stream beneath a key-value bucket, as NATS's own clients make it.
func bucketConfig(bucket string, storage jetstream.StorageType) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              subject.BucketStream(bucket),
		Subjects:          []string{subject.BucketKey(bucket) + ">"},
		Storage:           storage,
		MaxMsgsPerSubject: 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		Discard:           jetstream.DiscardNew,
		Duplicates:        2 * time.Minute,
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       true,
	}
}

func stateConfig(site string, markerTTL time.Duration) jetstream.StreamConfig {
	bucket := subject.StateBucket(site)
	c := bucketConfig(bucket, jetstream.MemoryStorage)
	c.Description = "supervisiond: the state of site " + site
	c.AllowMsgTTL = true
	c.SubjectDeleteMarkerTTL = markerTTL
	c.RePublish = &jetstream.RePublish{Source: subject.BucketKey(bucket) + ">", Destination: subject.State(site) + ">"}
	return c
}

func loginsConfig(site string) jetstream.StreamConfig {
	c := bucketConfig(subject.LoginsBucket(site), jetstream.FileStorage)
	c.Description = "supervisiond: what outlives the daemon at site " + site
	return c
}

func eventsConfig(site string, h History) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:              subject.EventStream(site),
		Description:       "supervisiond: the history of site " + site,
		Subjects:          subject.Kept(site),
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: -1,
		MaxBytes:          -1,
		MaxAge:            max(h.Keep, 0),
		Duplicates:        2 * time.Minute,
	}
	if h.MaxBytes > 0 {
		c.MaxBytes = h.MaxBytes
	}
	if c.MaxAge > 0 {
		c.Duplicates = min(c.Duplicates, c.MaxAge)
	}
	return c
}

// ensure makes a stream or brings it to the configuration. What an administrator may have chosen (replicas, placement,
// compression, limits that are not ours) stays.
func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = js.CreateStream(ctx, want); err != nil {
			return fmt.Errorf("creating stream %s: %w: has the account room for it, and may the daemon's user publish to $JS.API.>?", want.Name, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for stream %s: %w", want.Name, err)
	}
	have := stream.CachedInfo().Config
	if have.Storage != want.Storage {
		return fmt.Errorf("stream %s is stored in %s and must be in %s, which cannot be changed: remove it (nats stream rm %s) and the daemon makes it anew",
			want.Name, have.Storage, want.Storage, want.Name)
	}
	next := have
	next.Subjects = want.Subjects
	next.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	next.MaxMsgs = want.MaxMsgs
	next.MaxBytes = want.MaxBytes
	next.MaxAge = want.MaxAge
	next.Discard = want.Discard
	next.Duplicates = want.Duplicates
	next.AllowRollup = want.AllowRollup
	next.DenyDelete = want.DenyDelete
	next.AllowDirect = want.AllowDirect
	next.AllowMsgTTL = want.AllowMsgTTL
	next.SubjectDeleteMarkerTTL = want.SubjectDeleteMarkerTTL
	next.RePublish = want.RePublish
	if reflect.DeepEqual(have, next) {
		return nil
	}
	if _, err := js.UpdateStream(ctx, next); err != nil {
		return fmt.Errorf("updating stream %s: %w: if the server cannot change it, remove it (nats stream rm %s) and the daemon makes it anew", want.Name, err, want.Name)
	}
	return nil
}

// presentKeys lists the keys of the state bucket that hold a document. Markers of purged keys are no keys.
func presentKeys(ctx context.Context, js jetstream.JetStream, site string) ([]string, error) {
	kv, err := js.KeyValue(ctx, subject.StateBucket(site))
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", subject.StateBucket(site), err)
	}
	list, err := kv.ListKeys(ctx, jetstream.MetaOnly())
	if err != nil {
		return nil, fmt.Errorf("listing bucket %s: %w", subject.StateBucket(site), err)
	}
	var keys []string
	for key := range list.Keys() {
		keys = append(keys, key)
	}
	return keys, ctx.Err() // a listing cut short ends like a whole one
}
