package softphone

import (
	"net"
	"sync"
)

// The SIP library says nothing when it begins to read, and a request sent
// before that leaves from another port. So its first read is noted here.

type packetSocket struct {
	net.PacketConn
	reading chan struct{}
	once    sync.Once
}

func (s *packetSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.once.Do(func() { close(s.reading) })
	return s.PacketConn.ReadFrom(b)
}

type listener struct {
	net.Listener
	reading chan struct{}
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.reading) })
	return l.Listener.Accept()
}
