package front

import (
	"io"
	"net"
	"net/netip"
	"time"
)

const (
	// maxMessage is how long a message may be. The transaction layer reads datagrams into 32 KiB.
	maxMessage = 32_000
	// maxSources is after how many new sources reading begins anew: the library keeps every one for as long as it reads.
	maxSources = 8_192
	// linger is how long a reader stays after another has followed: the library looks its sources up a moment after it has read.
	linger = 5 * time.Second
	// breath is how long reading pauses after a fault that is not the end of the socket.
	breath = 20 * time.Millisecond
)

// socket is a UDP socket. Its readers come one after the other, so that what the library remembers of sources is let go.
type socket struct {
	net.PacketConn
	gate   *gate
	limit  int           // new sources for one reader
	linger time.Duration // for how long it stays after that
}

// reader is what the library reads from: only what the gate has let in.
type reader struct {
	*socket
	buf     []byte
	sources map[netip.AddrPort]struct{}
	// begun is closed when the library asks for the first message: from then on it knows this reader.
	begun chan struct{}
	first bool
	// next is called once, when this reader has seen enough, and returns when the one that follows has begun.
	next func()
}

func (s *socket) reader(next func()) *reader {
	return &reader{
		socket: s, buf: make([]byte, 1<<16), sources: make(map[netip.AddrPort]struct{}), begun: make(chan struct{}), next: next,
	}
}

// ReadFrom implements net.PacketConn. It answers by itself what needs no transaction.
func (r *reader) ReadFrom(into []byte) (int, net.Addr, error) {
	if !r.first {
		r.first = true
		close(r.begun)
	}
	if len(r.sources) >= r.limit {
		r.next()
		return 0, nil, io.EOF
	}
	for {
		n, addr, err := r.PacketConn.ReadFrom(r.buf)
		if err != nil {
			return 0, nil, err
		}
		from := addrPort(addr)
		if n > min(maxMessage, len(into)) {
			r.gate.metrics.refused(tooLong)
			continue
		}
		if keepAlive(r.buf[:n]) {
			continue
		}
		v := r.gate.judge(r.buf[:n], origin{from: from})
		if v.answer != nil {
			_, _ = r.PacketConn.WriteTo(v.answer, net.UDPAddrFromAddrPort(v.to)) // who has no answer asks again
		}
		if v.pass {
			r.sources[from] = struct{}{}
			return copy(into, v.data), net.UDPAddrFromAddrPort(from), nil
		}
	}
}

// WriteTo implements net.PacketConn. Whom we speak to may answer.
func (s *socket) WriteTo(data []byte, to net.Addr) (int, error) {
	s.gate.known.add(addrPort(to), s.gate.now())
	return s.PacketConn.WriteTo(data, to)
}

// Close does nothing: the socket outlives its readers.
func (r *reader) Close() error { return nil }

// keepAlive says whether it is one of those that keep a way through NAT open (RFC 5626, 4.4; sent as a single zero byte by some).
func keepAlive(data []byte) bool {
	for _, c := range data {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}
