package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
	"supervisiond/watch/screen"
)

// followBucket follows the whole state, as docs/nats.md has it: subscribe first, then read the bucket, leave out what that
// has in it already, and begin anew when a sequence is missing or another life of the daemon has begun.
func (f *Feed) followBucket(ctx context.Context, tell func(screen.Msg)) error {
	prefix := subject.State(f.options.Site)
	changes, err := f.subscribe(prefix + ">")
	if err != nil {
		return err
	}
	defer func() { _ = changes.Unsubscribe() }()
	picture, seen, err := f.readBucket(ctx)
	if err != nil {
		return err
	}
	epoch := uint64(0)
	if picture.Site != nil {
		epoch = picture.Site.Epoch
	}
	tell(screen.Whole{At: time.Now(), Picture: picture})
	for last := uint64(0); ; {
		m, err := changes.NextMsgWithContext(ctx)
		if err != nil {
			return missed(err)
		}
		sequence, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil || last != 0 && sequence != last+1 {
			return errGap
		}
		last = sequence
		key := strings.TrimPrefix(m.Subject, prefix)
		if sequence <= seen[key] {
			continue
		}
		c, err := change(key, m)
		if err != nil {
			return err
		}
		if site, ok := c.Document.(*supervision.SiteDocument); ok && site.Epoch != epoch {
			return errGap
		}
		tell(c)
	}
}

func change(key string, m *nats.Msg) (screen.Changed, error) {
	kind, id, _ := strings.Cut(key, ".")
	c := screen.Changed{At: time.Now(), Kind: supervision.ShownKind(kind), ID: id}
	if len(m.Data) == 0 {
		return c, nil
	}
	var err error
	c.Document, err = decode(key, m.Data)
	return c, err
}

// decode reads a document. Who may read may also deface: the daemon then writes all anew.
func decode(key string, data []byte) (any, error) {
	kind, _, _ := strings.Cut(key, ".")
	doc := document(kind)
	if doc == nil {
		return nil, fmt.Errorf("the state has a key %q that nobody knows", key)
	}
	if err := json.Unmarshal(data, doc); err != nil {
		return nil, fmt.Errorf("the state has something under %s that cannot be read: %w", key, err)
	}
	return doc, nil
}

// readBucket is all that the bucket has, and the sequence of each key.
func (f *Feed) readBucket(ctx context.Context) (screen.Picture, map[string]uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	picture, seen := screen.NewPicture(), make(map[string]uint64)
	js, err := jetstream.New(f.nc)
	if err != nil {
		return picture, nil, err
	}
	bucket, err := js.KeyValue(ctx, subject.StateBucket(f.options.Site))
	if err != nil {
		return picture, nil, f.noBucket(err)
	}
	present, err := bucket.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return picture, nil, f.noBucket(err)
	}
	defer func() { _ = present.Stop() }()
	for {
		select {
		case e := <-present.Updates():
			if e == nil {
				return picture, seen, nil // that was all
			}
			doc, err := decode(e.Key(), e.Value())
			if err != nil {
				return picture, nil, err
			}
			seen[e.Key()] = e.Revision()
			picture.Apply(screen.Changed{Document: doc})
		case <-ctx.Done():
			return picture, nil, f.noBucket(context.Cause(ctx))
		}
	}
}

func (f *Feed) noBucket(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return fmt.Errorf("there is no state of site %s on this server: is supervisiond running?", f.options.Site)
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the state cannot be read: NATS does not answer in time")
	}
	return fmt.Errorf("the state cannot be read: %w", err)
}
