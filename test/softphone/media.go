package softphone

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// An RTP packet carries 20 ms of G.711.
const (
	samples    = 160
	interval   = 20 * time.Millisecond
	rtpHeader  = 12
	rtpVersion = 2 << 6
)

// media is the audio of one call: what is sent, and who is heard.
type media struct {
	conn    *net.UDPConn
	payload []byte
	heard   func(mark string) // told of each mark the first time

	mu      sync.Mutex
	peer    description
	hasPeer bool
	sending bool
	stop    context.CancelFunc
	done    sync.WaitGroup
	sent    int
	got     int
	marks   map[string]*markHeard
	order   []string
}

type markHeard struct {
	packets int
	waiters []chan struct{}
}

// newMedia binds a port and listens; close ends both.
func newMedia(mark string, heard func(mark string)) (*media, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return nil, fmt.Errorf("softphone: RTP: %w", err)
	}
	m := &media{conn: conn, payload: spell(mark), heard: heard, marks: map[string]*markHeard{}}
	m.done.Go(m.receive)
	return m, nil
}

// spell fills a packet with a mark.
func spell(mark string) []byte {
	return bytes.Repeat([]byte(mark+"|"), samples/(len(mark)+1)+1)[:samples]
}

// read is the mark a packet spells, if it is one.
func read(payload []byte) (string, bool) {
	end := bytes.IndexByte(payload, '|')
	if end < 1 || !bytes.Equal(payload, spell(string(payload[:end]))[:min(len(payload), samples)]) {
		return "", false
	}
	return string(payload[:end]), true
}

func (m *media) local() netip.AddrPort { return m.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// setPeer says where the other side listens.
func (m *media) setPeer(d description) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peer, m.hasPeer = d, true
}

// codec is the one the other side prefers.
func (m *media) codec() uint8 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peer.payload
}

// start begins to send, as soon as a peer is known.
func (m *media) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sending {
		return
	}
	m.sending = true
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	m.done.Go(func() { m.send(ctx) })
}

func (m *media) close() {
	m.mu.Lock()
	m.sending = true // no start after close
	if m.stop != nil {
		m.stop()
	}
	m.mu.Unlock()
	_ = m.conn.Close()
	m.done.Wait()
}

func (m *media) send(ctx context.Context) {
	packet := make([]byte, rtpHeader+samples)
	copy(packet[rtpHeader:], m.payload)
	seq, stamp := uint16(rand.Uint32()), rand.Uint32()
	binary.BigEndian.PutUint32(packet[8:], rand.Uint32())
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for first := true; ; first = false {
		m.mu.Lock()
		peer := m.peer
		silent := !m.hasPeer || peer.direction == "sendonly" || peer.direction == "inactive"
		if !silent {
			m.sent++
		}
		m.mu.Unlock()
		if !silent {
			packet[0], packet[1] = rtpVersion, peer.payload
			if first {
				packet[1] |= 1 << 7 // a talk spurt begins
			}
			binary.BigEndian.PutUint16(packet[2:], seq)
			binary.BigEndian.PutUint32(packet[4:], stamp)
			// A peer whose port is closed is a call that ends: signalling tells.
			_, _ = m.conn.WriteToUDPAddrPort(packet, peer.address)
		}
		seq, stamp = seq+1, stamp+samples
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *media) receive() {
	buf := make([]byte, 2048)
	for {
		n, _, err := m.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return // closed
		}
		payload, ok := audio(buf[:n])
		if !ok {
			continue
		}
		mark, ok := read(payload)
		m.count(mark, ok)
	}
}

// audio is the payload of an RTP packet.
func audio(packet []byte) ([]byte, bool) {
	if len(packet) < rtpHeader || packet[0]&0xc0 != rtpVersion {
		return nil, false
	}
	start := rtpHeader + 4*int(packet[0]&0x0f)
	if packet[0]&0x10 != 0 { // an extension
		if len(packet) < start+4 {
			return nil, false
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(packet[start+2:]))
	}
	if len(packet) < start {
		return nil, false
	}
	return packet[start:], true
}

func (m *media) count(mark string, ok bool) {
	m.mu.Lock()
	m.got++
	var first bool
	if ok {
		h := m.marks[mark]
		if h == nil {
			h = &markHeard{}
			m.marks[mark] = h
		}
		if h.packets == 0 {
			first = true
			m.order = append(m.order, mark)
		}
		h.packets++
		for _, w := range h.waiters {
			close(w)
		}
		h.waiters = nil
	}
	m.mu.Unlock()
	if first {
		m.heard(mark)
	}
}

// next is closed when a packet with that mark arrives from now on.
func (m *media) next(mark string) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.marks[mark]
	if h == nil {
		h = &markHeard{}
		m.marks[mark] = h
	}
	w := make(chan struct{})
	h.waiters = append(h.waiters, w)
	return w
}

func (m *media) heardMarks() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.order...)
}

func (m *media) counts() (sent, received int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sent, m.got
}

func (m *media) countOf(mark string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.marks[mark]; h != nil {
		return h.packets
	}
	return 0
}
