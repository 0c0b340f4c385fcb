package front

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// firstTime is how long a connection may last before somebody has proved who they are on it, handshake and all.
	firstTime = 20 * time.Second
	// messageTime is how long one message may take to arrive, writeTime how long one may take to be read by the phone.
	messageTime = 20 * time.Second
	writeTime   = 5 * time.Second
	// idleTime is how long a phone may be silent: longer than it takes to subscribe anew.
	idleTime = 65 * time.Minute
	// maxRefused is how many requests in a row may be refused on a connection: at first a phone asks without a secret, for all its keys
	// at once, and a proxy for all its phones.
	maxRefused = 1_000
	// sendBuffer is about how many bytes the system keeps for a phone that does not read.
	sendBuffer = 131_072
)

// stream is a phone's connection. The library reads whole messages from it that the gate has let in.
type stream struct {
	net.Conn
	gate  *gate
	from  netip.AddrPort
	ended func()
	began time.Time

	pending []byte // arrived and not yet looked at
	ready   []byte // let in and not yet read
	known   bool
	refused int

	closing sync.Once
	writing sync.Mutex
}

var errRefused = errors.New("sip: the connection is refused")

// Read implements net.Conn.
func (s *stream) Read(into []byte) (int, error) {
	for len(s.ready) == 0 {
		whole, err := s.message()
		if err != nil {
			s.noteEnd(err)
			return 0, io.EOF
		}
		if whole == nil {
			continue
		}
		if err := s.judge(whole); err != nil {
			return 0, io.EOF
		}
	}
	n := copy(into, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

func (s *stream) noteEnd(err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.gate.metrics.refused(slow)
	case errors.Is(err, errTooLong):
		s.gate.metrics.refused(tooLong)
	case errors.Is(err, errRefused):
		s.gate.metrics.refused(junk)
	}
}

// judge keeps what may go on, and answers the rest. A stream whose messages cannot be told apart is ended.
func (s *stream) judge(whole []byte) error {
	v := s.gate.judge(whole, origin{from: s.from, reliable: true, known: s.known})
	if v.answer != nil {
		if _, err := s.Write(v.answer); err != nil {
			return err
		}
	}
	if v.pass {
		s.ready, s.known, s.refused = v.data, true, 0
		return nil
	}
	if s.refused++; s.refused > maxRefused {
		s.gate.metrics.refused(tooMany)
		return errRefused
	}
	return nil
}

var (
	errTooLong = errors.New("sip: a message is too long")
	headEnd    = []byte("\r\n\r\n")
)

// message waits for a whole one; nil: there was a keep-alive.
func (s *stream) message() ([]byte, error) {
	deadline := s.patience(len(s.pending) > 0)
	for {
		if whole, err := s.cut(); whole != nil || err != nil {
			return whole, err
		}
		if err := s.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
		var buf [4096]byte
		n, err := s.Conn.Read(buf[:])
		if n == 0 && err != nil {
			return nil, err
		}
		if len(s.pending) == 0 {
			deadline = s.patience(true)
		}
		s.pending = append(s.pending, buf[:n]...)
		if err := s.pong(); err != nil {
			return nil, err
		}
	}
}

// patience is until when the next bytes may come.
func (s *stream) patience(underWay bool) time.Time {
	now := time.Now()
	until := now.Add(idleTime)
	if underWay {
		until = now.Add(messageTime)
	}
	if first := s.began.Add(firstTime); !s.known && first.Before(until) {
		return first
	}
	return until
}

// pong takes keep-alives from between messages, and answers a ping (RFC 5626, 4.4.1).
func (s *stream) pong() error {
	for len(s.pending) >= 2 && s.pending[0] == '\r' && s.pending[1] == '\n' {
		if bytes.HasPrefix(s.pending, headEnd) {
			s.pending = s.pending[4:]
			if _, err := s.Write([]byte("\r\n")); err != nil {
				return err
			}
			continue
		}
		if len(s.pending) == 3 { // half of a ping is here
			return nil
		}
		s.pending = s.pending[2:]
	}
	return nil
}

// cut takes a whole message from what has arrived, if it is there.
func (s *stream) cut() ([]byte, error) {
	end := bytes.Index(s.pending, headEnd)
	if end < 0 {
		if len(s.pending) > maxMessage {
			return nil, errTooLong
		}
		return nil, nil
	}
	end += len(headEnd)
	m := scan(s.pending[:end])
	if m == nil {
		return nil, errRefused
	}
	length, ok := m.length()
	if !ok || length < 0 {
		if m.request() && m.method != ack {
			v := s.gate.refuse(m, origin{from: s.from, reliable: true}, bad("Content-Length"), malformed)
			_, _ = s.Write(v.answer) // the connection ends in any case
		}
		return nil, errRefused
	}
	if end+length > maxMessage {
		return nil, errTooLong
	}
	if len(s.pending) < end+length {
		return nil, nil
	}
	whole := bytes.Clone(s.pending[:end+length])
	s.pending = bytes.Clone(s.pending[end+length:])
	return whole, nil
}

// Write implements net.Conn. A phone that does not read loses its connection.
func (s *stream) Write(data []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(data)
	if err != nil {
		_ = s.Close()
	}
	return n, err
}

// Close implements net.Conn.
func (s *stream) Close() error {
	err := s.Conn.Close()
	s.closing.Do(s.ended)
	return err
}

func transportOf(network string) string { return strings.ToUpper(network) }
