package gcm

import (
	"bufio"
	"net"
	"slices"
	"strconv"
	"time"
)

// writeTime bounds a write to a browser.
const writeTime = 10 * time.Second

// device is a browser's profile. Its fields but the first two are guarded by the server's lock.
type device struct {
	id, secret uint64
	stream     *stream
	// waiting are messages of which the browser has not said that it has them, the oldest first.
	waiting []*message
}

// message is one for a registration.
type message struct {
	number int
	packet []byte
	// place is which one it is on the stream; 0: not sent on it.
	place uint64
}

func (m *message) id() string { return strconv.Itoa(m.number) }

// stream is a browser's connection.
type stream struct {
	conn net.Conn
	// out and in are how many messages were sent and have come.
	out, in uint64
}

// hangUp ends the connection of a device that has one.
func (d *device) hangUp() {
	if d.stream != nil {
		_ = d.stream.conn.Close()
	}
}

func (s *Server) accept() {
	for {
		conn, err := s.streams.Accept()
		if err != nil {
			return // the server ends
		}
		s.running.Go(func() { s.serve(conn) })
	}
}

// serve is one connection, until either side ends it.
func (s *Server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if !s.begins(conn) {
		return
	}
	defer s.ends(conn)
	r := bufio.NewReader(conn)
	d := s.logIn(conn, r)
	if d == nil {
		return
	}
	for {
		kind, fields, err := readPacket(r)
		if err != nil || kind == closing {
			s.mu.Lock()
			if d.stream != nil && d.stream.conn == conn {
				d.stream = nil
			}
			s.mu.Unlock()
			return
		}
		s.mu.Lock()
		if d.stream != nil && d.stream.conn == conn {
			d.heard(kind, fields)
		}
		s.mu.Unlock()
	}
}

// begins says whether a connection may still begin.
func (s *Server) begins(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[conn] = true
	return !s.ended
}

func (s *Server) ends(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, conn)
}

// logIn reads who it is, says that it is welcome, and sends what has waited. Nil: it has gone, or is not welcome.
func (s *Server) logIn(conn net.Conn, r *bufio.Reader) *device {
	version, err := r.ReadByte()
	if err != nil {
		return nil
	}
	kind, fields, err := readPacket(r)
	if err != nil {
		return nil
	}
	d := s.deviceOf(string(first(fields, 3).bytes), string(first(fields, 5).bytes)) // user, auth_token
	if version != protocol || kind != loginRequest || d == nil {
		s.fault("a stream begins with version %d and a message of kind %d from %q", version, kind, first(fields, 3).bytes)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.hangUp()
	d.stream = &stream{conn: conn, in: 1}
	for _, f := range fields {
		if f.number == 10 { // received_persistent_id
			d.waiting = slices.DeleteFunc(d.waiting, func(m *message) bool { return m.id() == string(f.bytes) })
		}
	}
	welcome := appendText(nil, 1, string(first(fields, 1).bytes))
	welcome = appendNumber(welcome, 8, uint64(time.Now().UnixMilli())) //nolint:gosec // it is after 1970
	d.stream.write(append([]byte{protocol}, packet(loginResponse, welcome)...))
	for _, m := range d.waiting {
		m.place = 0
		d.send(m)
	}
	return d
}

// heard takes a message of the browser's. It is called with the lock held, as send and write are.
func (d *device) heard(kind byte, fields []field) {
	d.stream.in++
	if number, says := received[kind]; says {
		if until := first(fields, number).value; until > 0 {
			d.waiting = slices.DeleteFunc(d.waiting, func(m *message) bool { return m.place > 0 && m.place <= until })
		}
	}
	if kind == heartbeatPing {
		d.stream.write(packet(heartbeatAck, appendNumber(nil, 2, d.stream.in)))
	}
}

func (d *device) send(m *message) {
	if d.stream == nil {
		return
	}
	d.stream.write(m.packet)
	m.place = d.stream.out
}

// write sends one message. Whoever does not read is hung up on: what it has not got waits for it.
func (st *stream) write(packet []byte) {
	st.out++
	_ = st.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := st.conn.Write(packet); err != nil {
		_ = st.conn.Close()
	}
}

// Deliver sends a message to a registration, as it is: encrypted (RFC 8188, aes128gcm). A browser that is not there gets it when it
// comes, and one that has just unregistered does not.
func (s *Server) Deliver(token string, body []byte, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reg := s.registrations[token]
	if reg == nil {
		return
	}
	s.last++
	m := &message{number: s.last}
	data := appendText(nil, 3, reg.Sender)
	data = appendText(data, 5, reg.app)
	data = appendEntry(data, 7, "subtype", reg.subtype)
	data = appendEntry(data, 7, "content-encoding", "aes128gcm")
	data = appendText(data, 9, m.id())
	data = appendNumber(data, 17, uint64(ttl/time.Second))         //nolint:gosec // it is not negative
	data = appendNumber(data, 18, uint64(time.Now().Unix()))       //nolint:gosec // it is after 1970
	data = appendNumber(appendText(data, 21, string(body)), 24, 1) // raw_data; immediate_ack
	m.packet = packet(dataMessage, data)
	reg.device.waiting = append(reg.device.waiting, m)
	reg.device.send(m)
}
