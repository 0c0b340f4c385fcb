package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
)

// stallTime is how long the bucket may hand out nothing of what it has before each key is asked for by itself. A message
// that the server cannot read is not skipped: it ends the handing out without a word.
const stallTime = 2 * time.Second

var errUnreadable = errors.New("the server cannot read it")

// loginEntry is what the bucket holds of a key.
type loginEntry struct {
	value    []byte
	revision uint64
	put      bool // otherwise it is the marker of a removed key
}

// found is what the bucket turned out to hold.
type found struct {
	entries    map[string]loginEntry // of logins
	unreadable []string              // keys that it has and cannot read, the epoch among them
	lost       bool                  // the server knows that it lost some
	watch      jetstream.KeyWatcher
}

func (f *found) take(key string, e loginEntry) {
	if strings.HasPrefix(key, loginPrefix) {
		f.entries[key] = e
	}
}

// read reads the bucket, and leaves a watch on it that ends with the session.
func (l *logins) read(ctx context.Context, s *loginSession) (*found, error) {
	bucket := subject.LoginsBucket(l.site)
	stream, err := s.js.Stream(ctx, subject.BucketStream(bucket))
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", bucket, err)
	}
	kv, err := s.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", bucket, err)
	}
	watch, err := kv.WatchAll(s.ctx)
	if err != nil {
		return nil, fmt.Errorf("reading bucket %s: %w", bucket, err)
	}
	context.AfterFunc(s.ctx, func() { _ = watch.Stop() }) // if the connection is gone, so is the watch
	f := &found{entries: make(map[string]loginEntry), lost: lostSome(ctx, stream), watch: watch}
	stall := time.NewTimer(l.stall)
	defer stall.Stop()
	for {
		select {
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, fmt.Errorf("reading bucket %s: %w", bucket, nats.ErrConnectionClosed)
			case e == nil:
				return f, nil
			}
			f.take(e.Key(), loginEntry{e.Value(), e.Revision(), e.Operation() == jetstream.KeyValuePut})
			stall.Reset(l.stall)
		case <-stall.C:
			_ = watch.Stop()
			return f, l.readEach(ctx, s, stream, f)
		case <-ctx.Done():
			return nil, fmt.Errorf("reading bucket %s: %w", bucket, ctx.Err())
		}
	}
}

// maxDeleted is how many sequences of replaced logins an answer may list.
const maxDeleted = 50_000

// lostSome says whether the server knows that it lost messages. It tells that only together with all that were deleted.
func lostSome(ctx context.Context, stream jetstream.Stream) bool {
	if stream.CachedInfo().State.NumDeleted > maxDeleted {
		return false
	}
	info, err := stream.Info(ctx, jetstream.WithDeletedDetails(true))
	return err == nil && info.State.Lost != nil
}

// readEach asks for one key after the other. It is an error if that finds nothing that would be unreadable.
func (l *logins) readEach(ctx context.Context, s *loginSession, stream jetstream.Stream, f *found) error {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(l.prefix+">"))
	if err != nil {
		return fmt.Errorf("reading bucket %s: %w", subject.LoginsBucket(l.site), err)
	}
	for name := range info.State.Subjects {
		key := strings.TrimPrefix(name, l.prefix)
		e, err := readKey(ctx, s.nc, info.Config.Name, name)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			f.unreadable = append(f.unreadable, key)
		case err != nil:
			return fmt.Errorf("reading bucket %s: %w", subject.LoginsBucket(l.site), err)
		default:
			f.take(key, e)
		}
	}
	slices.Sort(f.unreadable)
	if len(f.unreadable) == 0 {
		return fmt.Errorf("%w within %v: reading bucket %s", errStalled, l.stall, subject.LoginsBucket(l.site))
	}
	return nil
}

// readKey asks the stream's leader for the last message of a subject. The client's own call asks any replica, of which one
// that is behind could say that there is none.
func readKey(ctx context.Context, nc *nats.Conn, stream, name string) (loginEntry, error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": name})
	if err != nil {
		return loginEntry{}, err
	}
	m, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, request)
	if err != nil {
		return loginEntry{}, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64 `json:"seq"`
			Header   []byte `json:"hdrs"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return loginEntry{}, err
	}
	if answer.Error != nil {
		if answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return loginEntry{}, jetstream.ErrMsgNotFound
		}
		return loginEntry{}, answer.Error
	}
	e := loginEntry{value: answer.Message.Data, revision: answer.Message.Sequence, put: true}
	if len(answer.Message.Header) > 0 {
		header, err := nats.DecodeHeadersMsg(answer.Message.Header)
		if err != nil {
			return loginEntry{}, err
		}
		e.put = header.Get("KV-Operation") == ""
	}
	return e, nil
}

// replace removes the bucket and makes it anew, with the configuration that it has. A message that the server cannot read
// can be neither removed nor written over: the server then answers nothing more on that stream.
func (l *logins) replace(ctx context.Context, s *loginSession) error {
	name := subject.BucketStream(subject.LoginsBucket(l.site))
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("making stream %s anew: %w", name, err)
	}
	if err := s.js.DeleteStream(ctx, name); err != nil {
		return fmt.Errorf("making stream %s anew: removing it: %w", name, err)
	}
	if _, err := s.js.CreateStream(ctx, stream.CachedInfo().Config); err != nil {
		return fmt.Errorf("making stream %s anew: %w", name, err)
	}
	return nil
}
