package console

import (
	"bytes"
	"encoding/json"
	"strconv"

	"supervisiond/supervision"
)

const (
	// ringFrames and ringBytes bound what is kept of a person's stream for clients who come back. Of somebody who sees 50
	// calls a second it is the last four seconds.
	ringFrames = 2048
	ringBytes  = 1 << 20
)

// frame is one event of a stream, as it goes over the wire. Clients share it.
type frame struct {
	seq  uint64
	data []byte
}

// feed is what the clients of one person are sent. It belongs to the hub's goroutine.
type feed struct {
	person  supervision.PersonID
	epoch   uint64
	seq     uint64 // of the last frame
	ring    []frame
	size    int // of the ring, in bytes
	clients map[*client]bool
	idle    int // for how many rounds of the hub nobody has been there
	// numbered says which of its numbers a session or a program was told: a position counts for who has it from here, and for nobody
	// else. Persons are numbered each for themselves, so another one's position would leave out what it must not.
	numbered map[string]*span
}

// span is from the first number that somebody was told to the last; while they are there it goes on.
type span struct {
	first, last uint64
	open        int // streams
}

// encoder makes frames. A document is encoded once for all who are shown it at about the same time.
type encoder struct {
	buffer bytes.Buffer
	json   *json.Encoder
	done   map[any][]byte // by document: they are pointers, and what they point to never changes
}

func newEncoder() *encoder {
	e := &encoder{done: make(map[any][]byte)}
	e.json = json.NewEncoder(&e.buffer) // ends in a line break, and has no other
	e.json.SetEscapeHTML(false)
	return e
}

// forget lets go of the documents that were encoded.
func (e *encoder) forget() { clear(e.done) }

func (e *encoder) data(document any) ([]byte, error) {
	if data, ok := e.done[document]; ok {
		return data, nil
	}
	e.buffer.Reset()
	if err := e.json.Encode(document); err != nil {
		return nil, err
	}
	data := bytes.Clone(e.buffer.Bytes())
	e.done[document] = data
	return data, nil
}

// frame makes the frame of an event. The id is the epoch and the number (HTML Living Standard, 9.2.6).
func (e *encoder) frame(epoch, seq uint64, event string, document any) (frame, error) {
	data, err := e.data(document)
	b := make([]byte, 0, len(data)+64)
	b = append(b, "id: "...)
	b = strconv.AppendUint(b, epoch, 10)
	b = append(b, ':')
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, "\nevent: "...)
	b = append(b, event...)
	b = append(b, "\ndata: "...)
	b = append(b, data...)
	return frame{seq, append(b, '\n')}, err
}

// gone is the data of an event that tells that something is not there any more.
type gone struct {
	ID string `json:"id"`
}

// frames are those that tell what a person is shown.
func (e *encoder) frames(epoch uint64, s *supervision.Show) ([]frame, error) {
	if s.View != nil {
		one, err := e.frame(epoch, s.Seq, "view", s.View)
		return []frame{one}, err
	}
	list := make([]frame, len(s.Changes))
	for i, c := range s.Changes {
		event, document := string(c.Kind), c.Document
		if document == nil {
			event, document = event+"_gone", gone{c.ID}
		}
		var err error
		if list[i], err = e.frame(epoch, s.Seq+uint64(i), event, document); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// during begins an epoch. What was told in another is nothing to go on from.
func (f *feed) during(epoch uint64) {
	if f.epoch != epoch {
		f.epoch = epoch
		f.forget()
		for who, s := range f.numbered {
			if s.first = 0; s.open == 0 {
				delete(f.numbered, who)
			}
		}
	}
}

// at says how far the feed has come. What was kept counts only if it leads there: in between nobody may have followed.
func (f *feed) at(seq uint64) {
	if f.seq != seq {
		f.forget()
	}
	f.seq = seq
}

func (f *feed) forget() { f.ring, f.size = nil, 0 }

// enter lets a client in, from the number on after which it is told all.
func (f *feed) enter(c *client, after uint64) {
	f.clients[c], f.idle = true, 0
	if c.told != nil {
		return
	}
	for who, s := range f.numbered {
		if s.open == 0 && !f.keeps(s.last) {
			delete(f.numbered, who) // they begin anew in any case
		}
	}
	s := f.numbered[c.id.who()]
	if s == nil || s.open == 0 && after > s.last { // in between it was told nothing
		s = &span{first: after}
		f.numbered[c.id.who()] = s
	}
	s.first = min(s.first, after)
	s.open++
}

// leave lets a client go.
func (f *feed) leave(c *client) {
	if !f.clients[c] {
		return
	}
	delete(f.clients, c)
	if s := f.numbered[c.id.who()]; c.told == nil && s != nil {
		s.open--
		s.last = f.seq
	}
}

// told says whether somebody has a number from here.
func (f *feed) told(who string, seq uint64) bool {
	s := f.numbered[who]
	return s != nil && seq >= s.first && (s.open > 0 || seq <= s.last)
}

// keeps says whether all is there that came after a number.
func (f *feed) keeps(seq uint64) bool {
	return seq == f.seq || seq < f.seq && len(f.ring) > 0 && f.ring[0].seq <= seq+1
}

// keep puts frames into the ring. A whole view makes what was before it needless.
func (f *feed) keep(list []frame, whole bool) {
	if len(list) == 0 {
		return
	}
	f.at(list[0].seq - 1)
	if whole {
		f.forget()
	}
	for _, one := range list {
		f.ring = append(f.ring, one)
		f.size += len(one.data)
		f.seq = one.seq
	}
	for len(f.ring) > ringFrames || f.size > ringBytes && len(f.ring) > 1 {
		f.size -= len(f.ring[0].data)
		f.ring[0] = frame{}
		f.ring = f.ring[1:]
	}
}

// since gives what somebody has missed who has seen all up to a number, if that is still there.
func (f *feed) since(p position) (missed []frame, ok bool) {
	if p.epoch == 0 || p.epoch != f.epoch || !f.keeps(p.seq) {
		return nil, false
	}
	if p.seq == f.seq {
		return nil, true
	}
	return f.ring[p.seq+1-f.ring[0].seq:], true
}

// joined are frames as one piece, so that they take one place of a client's queue.
func joined(list []frame) []byte {
	var all []byte
	for _, one := range list {
		all = append(all, one.data...)
	}
	return all
}

// position is how far a client has come, as Last-Event-ID says it. An epoch of 0 is none: before NATS is there its
// numbers may repeat.
type position struct{ epoch, seq uint64 }

func parsePosition(id string) position {
	var p position
	epoch, seq, ok := bytes.Cut([]byte(id), []byte(":"))
	if !ok {
		return p
	}
	e, err1 := strconv.ParseUint(string(epoch), 10, 64)
	s, err2 := strconv.ParseUint(string(seq), 10, 64)
	if err1 != nil || err2 != nil {
		return p
	}
	return position{e, s}
}
