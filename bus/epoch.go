package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"supervisiond/bus/subject"
)

// epochKey counts the lives of the daemon, in the bucket that outlives it.
const epochKey = "epoch"

// epochs is the stored count.
type epochs struct {
	kv   jetstream.KeyValue
	log  *slog.Logger
	said bool // that the stored count is no number
}

func openEpochs(ctx context.Context, js jetstream.JetStream, site string, log *slog.Logger) (*epochs, error) {
	kv, err := js.KeyValue(ctx, subject.LoginsBucket(site))
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", subject.LoginsBucket(site), err)
	}
	return &epochs{kv: kv, log: log}, nil
}

// begin takes the next epoch for this life of the daemon, higher than floor: what else is known of earlier lives. Two
// daemons never get the same one: the count is written on condition that nobody wrote since it was read. It is noted
// elsewhere before that, so that a count which comes to be lost is known from there.
func (e *epochs) begin(ctx context.Context, floor uint64, note func(uint64)) (uint64, error) {
	for {
		last, revision, err := e.read(ctx)
		if err != nil {
			return 0, err
		}
		next := max(last, floor) + 1
		note(next)
		err = e.write(ctx, next, revision)
		if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			continue
		}
		return next, err
	}
}

// past is what is known of the daemon's earlier lives.
type past struct {
	epoch   uint64 // as the bucket counts them; 0: it does not
	history uint64 // the epoch of the last event in the history; 0: there is none
}

// maxEpoch is higher than any count can come: JSON's readers know no higher number.
const maxEpoch = 1 << 53

// epochDepth is how many events from the end are looked at. The last one does, unless it was not written by a daemon or
// the server cannot read it.
const epochDepth = 100

// lastEpoch reads the epoch of the last event in the history.
func lastEpoch(ctx context.Context, js jetstream.JetStream, site string) (uint64, error) {
	stream, err := js.Stream(ctx, subject.EventStream(site))
	if err != nil {
		return 0, fmt.Errorf("opening the history: %w", err)
	}
	state := stream.CachedInfo().State
	for i, seq := 0, state.LastSeq; i < epochDepth && state.Msgs > 0 && seq >= max(state.FirstSeq, 1); i, seq = i+1, seq-1 {
		m, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("reading the last event of the history: %w", err)
		}
		if epoch, err := strconv.ParseUint(m.Header.Get("ce-epoch"), 10, 64); err == nil && epoch < maxEpoch {
			return epoch, nil
		}
	}
	return 0, nil
}

// keep sees to it that the stored count is not behind: a server that lost its disk must not give the epoch of this
// life to the next one. It returns the epoch stored, which is higher when another daemon has begun one.
func (e *epochs) keep(ctx context.Context, epoch uint64) (uint64, error) {
	last, revision, err := e.read(ctx)
	if err != nil || last >= epoch {
		return last, err
	}
	return epoch, e.write(ctx, epoch, revision)
}

// read returns the count and the key's revision; both are 0 when there is none. What is no number was not written by a
// daemon. The daemon then counts on from the second in which it was written, which is later than any count: it must
// start, and no epoch may come twice.
func (e *epochs) read(ctx context.Context) (epoch, revision uint64, err error) {
	entry, err := e.kv.Get(ctx, epochKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("reading the epoch: %w", err)
	}
	epoch, err = strconv.ParseUint(string(entry.Value()), 10, 64)
	if err != nil || epoch >= maxEpoch {
		epoch = uint64(entry.Created().Unix())
		if !e.said {
			e.log.Error("the stored epoch is no number, counting on from the time; find out who writes to the bucket",
				"bucket", e.kv.Bucket(), "key", epochKey, "epoch", epoch)
		}
		e.said = true
	}
	return epoch, entry.Revision(), nil
}

// write writes the count if the key is still at that revision; 0 stands for "there is none".
func (e *epochs) write(ctx context.Context, epoch, revision uint64) error {
	value := []byte(strconv.FormatUint(epoch, 10))
	var err error
	if revision == 0 {
		_, err = e.kv.Create(ctx, epochKey, value)
	} else {
		_, err = e.kv.Update(ctx, epochKey, value, revision)
	}
	if err != nil {
		return fmt.Errorf("writing epoch %d: %w", epoch, err)
	}
	return nil
}
