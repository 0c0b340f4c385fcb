package ari

import (
	"context"
	"sync"
)

// frameQueue is a bounded buffer between the network and those who handle frames. Unlike a channel it is bounded in
// bytes too, and takes no memory while it is empty.
type frameQueue struct {
	closed chan struct{}
	wake   chan struct{} // holds a token when there may be something to take

	mu        sync.Mutex
	ring      []frame
	head, n   int
	bytes     int
	maxFrames int
	maxBytes  int
}

func newFrameQueue(maxFrames, maxBytes int) *frameQueue {
	return &frameQueue{
		closed: make(chan struct{}), wake: make(chan struct{}, 1), maxFrames: maxFrames, maxBytes: maxBytes,
	}
}

// put adds a frame, or reports that there is no room.
func (q *frameQueue) put(f frame) bool {
	q.mu.Lock()
	if q.n >= q.maxFrames || q.bytes+len(f.data) > q.maxBytes {
		q.mu.Unlock()
		return false
	}
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)%len(q.ring)] = f
	q.n++
	q.bytes += len(f.data)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

func (q *frameQueue) grow() {
	ring := make([]frame, max(64, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = ring, 0
}

// take waits for a frame. Not ok: the context has ended, or the queue is closed and empty.
func (q *frameQueue) take(ctx context.Context) (frame, bool) {
	for {
		if ctx.Err() != nil {
			return frame{}, false
		}
		if f, ok := q.pop(); ok {
			return f, true
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
		case <-q.closed:
			return q.pop()
		}
	}
}

func (q *frameQueue) pop() (frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return frame{}, false
	}
	f := q.ring[q.head]
	q.ring[q.head] = frame{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	q.bytes -= len(f.data)
	if q.n == 0 && len(q.ring) > maxIdleRing {
		q.ring, q.head = nil, 0 // a burst is over
	}
	return f, true
}

// maxIdleRing is how much room an empty queue keeps.
const maxIdleRing = 1024

// close ends the queue for whoever takes from it, after what it holds. Nothing may be put afterwards.
func (q *frameQueue) close() { close(q.closed) }
