package console

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"supervisiond/supervision"
)

const (
	// maxInbox is how many shows may wait to be encoded. Beyond, all streams are cut: clients come back and get the whole.
	maxInbox = 8192
	// maxStreams is how many streams there may be, and maxStreamsOf how many of one person.
	maxStreams   = 2048
	maxStreamsOf = 512
	// clientFrames is how many frames may wait for a client. One that does not read them loses its connection.
	clientFrames = 512
	// roundTime is how often the hub looks for people whom nobody follows, and feedRounds for how many rounds they are
	// followed on: a client that comes back then gets what it missed, instead of the whole.
	roundTime  = 30 * time.Second
	feedRounds = 4
	// joinPrefix begins the ids of commands by which streams begin.
	joinPrefix = "stream-"
)

// hub hands what people are shown to the clients that follow them. What the engine tells it waits in an inbox, in order.
type hub struct {
	watch   func(context.Context, supervision.PersonID, bool) error
	command func(supervision.Commanded) error
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics

	// watching lets one at a time begin or end following somebody: the engine must hear of both in this order.
	watching sync.Mutex

	mu       sync.Mutex
	inbox    []item
	overflow bool
	wake     chan struct{}
	last     uint64
	joining  map[string]*client
	followed map[supervision.PersonID]int // how many are joining or there
	streams  int
	stopped  bool

	// What follows belongs to the hub's goroutine.
	epoch  uint64
	feeds  map[supervision.PersonID]*feed
	encode *encoder
}

// item is one thing that the hub is told.
type item struct {
	at    time.Time
	epoch *uint64
	show  *supervision.Show
	begin *client // with the view that the client begins with
	view  *supervision.View
	leave *client
	slow  *client
	cut   func(identity) bool
}

// client is one open stream, or a listener.
type client struct {
	id     identity
	join   string // the id of the command by which it begins
	from   position
	frames chan []byte
	// told gets what the person is shown, in place of frames. Nil: it is a stream.
	told listener
	// begun is closed when the client is there, and refused says why it is not.
	begun   chan struct{}
	refused *supervision.Refusal
	// cut is closed when the stream is to end.
	cut chan struct{}
}

// listener is told what a person is shown: first the whole, then each change. It is called in the hub's goroutine and must not wait.
type listener interface {
	shown(time.Time, *supervision.Show)
	// lost says that what is shown is not told any more: the client is cut.
	lost()
}

func newHub(o Options, m *metrics, log *slog.Logger) *hub {
	return &hub{
		watch: o.Watch, command: o.Command, now: o.Now, log: log, metrics: m,
		wake: make(chan struct{}, 1), joining: make(map[string]*client),
		followed: make(map[supervision.PersonID]int), feeds: make(map[supervision.PersonID]*feed),
		encode: newEncoder(),
	}
}

// take notes what concerns streams. It never blocks.
func (h *hub) take(at time.Time, effects []supervision.Effect) {
	h.mu.Lock()
	news := false
	for _, effect := range effects {
		switch e := effect.(type) {
		case supervision.Put:
			if site, ok := e.Document.(*supervision.SiteDocument); ok {
				news = h.note(item{at: at, epoch: &site.Epoch}) || news
			}
		case supervision.Show:
			news = h.note(item{at: at, show: &e}) || news
		case supervision.Reply:
			news = h.replied(at, e) || news
		}
	}
	h.mu.Unlock()
	if news {
		h.rouse()
	}
}

// replied is called with the lock held, and does all in one step: whom the end does not find joining any more it finds in the
// inbox.
func (h *hub) replied(at time.Time, r supervision.Reply) bool {
	c := h.joining[r.ID]
	if c == nil {
		return false
	}
	delete(h.joining, r.ID)
	c.refused = r.Refusal
	view, _ := r.Result.(*supervision.View)
	h.inbox = append(h.inbox, item{at: at, begin: c, view: view})
	return true
}

func (h *hub) tell(i item) {
	h.mu.Lock()
	news := h.note(i)
	h.mu.Unlock()
	if news {
		h.rouse()
	}
}

func (h *hub) rouse() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// note puts something into the inbox, with the lock held, and says whether it concerns anybody.
func (h *hub) note(i item) bool {
	if h.stopped {
		return false
	}
	if i.show != nil {
		if _, any := h.followed[i.show.To]; !any {
			return false
		}
		if h.overflow = h.overflow || len(h.inbox) >= maxInbox; h.overflow {
			return true
		}
	}
	h.inbox = append(h.inbox, i)
	return true
}

// join begins a stream, and returns when its first frames are there. The error is a problem.
func (h *hub) join(ctx context.Context, id identity, from position) (*client, error) {
	c := &client{
		id: id, from: from, frames: make(chan []byte, clientFrames), begun: make(chan struct{}), cut: make(chan struct{}),
	}
	return c, h.let(ctx, c)
}

// listen has somebody told what a person is shown until the client leaves or is cut. It takes no stream's place.
func (h *hub) listen(ctx context.Context, p supervision.PersonID, told listener) (*client, error) {
	c := &client{id: identity{person: p}, told: told, begun: make(chan struct{}), cut: make(chan struct{})}
	return c, h.let(ctx, c)
}

// let returns when a client is there.
func (h *hub) let(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := h.ask(ctx, c); err != nil {
		return err
	}
	select {
	case <-c.begun:
	case <-ctx.Done():
		h.abandon(c)
		return unavailable("the view did not come in time")
	}
	if c.refused != nil {
		h.leave(c)
		return refused(c.refused)
	}
	return nil
}

// ask has the engine follow the client's person and tell the view: whatever it shows after that, the client gets.
func (h *hub) ask(ctx context.Context, c *client) error {
	h.watching.Lock()
	defer h.watching.Unlock()
	if p := h.enter(c); p != nil {
		return p
	}
	err := h.watch(ctx, c.id.person, true)
	if err == nil {
		err = h.command(supervision.Commanded{
			At: h.now(), ID: c.join, Actor: c.id.person, Via: supervision.ViaHTTP, Command: supervision.GetView{},
		})
	}
	if err != nil {
		h.abandon(c)
		return unavailable("the daemon has too much to do").after(time.Second)
	}
	return nil
}

// enter takes a place for a stream.
func (h *hub) enter(c *client) *Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return unavailable("the daemon is stopping").after(time.Second)
	case c.told == nil && h.streams >= maxStreams:
		return unavailable("too many streams").after(roundTime)
	case c.told == nil && h.followed[c.id.person] >= maxStreamsOf:
		return problem(http.StatusTooManyRequests, codeTooManyRequests, "too many streams of this person").after(roundTime)
	}
	h.last++
	c.join = joinPrefix + strconv.FormatUint(h.last, 10)
	h.joining[c.join] = c
	h.followed[c.id.person]++
	h.count(c, 1)
	return nil
}

// count counts streams, with the lock held.
func (h *hub) count(c *client, n int) {
	if c.told == nil {
		h.streams += n
		h.metrics.streams.Set(float64(h.streams))
	}
}

// abandon ends a stream that has not begun.
func (h *hub) abandon(c *client) {
	h.mu.Lock()
	delete(h.joining, c.join)
	h.mu.Unlock()
	h.leave(c)
}

// leave ends a stream that join began.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	h.followed[c.id.person]--
	h.count(c, -1)
	h.mu.Unlock()
	h.tell(item{leave: c})
}

// cutThose ends the streams of those of whom it is true.
func (h *hub) cutThose(those func(identity) bool) { h.tell(item{cut: those}) }

// run serves until the context ends. Then all streams end.
func (h *hub) run(ctx context.Context) {
	round := time.NewTicker(roundTime)
	defer round.Stop()
	for {
		select {
		case <-h.wake:
			h.work()
		case <-round.C:
			h.rest(ctx)
		case <-ctx.Done():
			h.end()
			return
		}
	}
}

// end refuses who is about to begin, and cuts the others.
func (h *hub) end() {
	h.mu.Lock()
	h.stopped = true
	waiting := h.joining
	h.joining = make(map[string]*client)
	h.mu.Unlock()
	h.work()
	for _, c := range waiting {
		c.refused = &supervision.Refusal{Code: supervision.Unavailable, Message: "the daemon is stopping"}
		close(c.begun)
	}
	h.drop(everybody, "")
}

func everybody(*client) bool { return true }

func (h *hub) work() {
	h.mu.Lock()
	items, overflow := h.inbox, h.overflow
	h.inbox, h.overflow = nil, false
	h.mu.Unlock()
	defer h.encode.forget()
	for _, i := range items {
		switch {
		case i.epoch != nil:
			h.epoch = *i.epoch
		case i.show != nil && !overflow:
			h.show(i)
		case i.begin != nil:
			h.begin(i)
		case i.leave != nil:
			if f := h.feeds[i.leave.id.person]; f != nil {
				f.leave(i.leave)
			}
		case i.slow != nil:
			if f := h.feeds[i.slow.id.person]; f != nil && f.clients[i.slow] {
				h.dropOne(f, i.slow, cutSlow)
			}
		case i.cut != nil:
			h.drop(func(c *client) bool { return c.told == nil && i.cut(c.id) }, cutEnded)
		}
	}
	if overflow {
		// What was shown is not whole any more, also for who has just begun. Who comes back gets the view as it is then.
		h.log.Warn("more changes than can be told: all event streams begin anew")
		h.drop(everybody, cutOverflow)
		clear(h.feeds)
	}
}

func (h *hub) feedOf(person supervision.PersonID) *feed {
	f := h.feeds[person]
	if f == nil {
		f = &feed{person: person, clients: make(map[*client]bool), numbered: make(map[string]*span)}
		h.feeds[person] = f
	}
	f.during(h.epoch)
	return f
}

// show hands on what a person is shown.
func (h *hub) show(i item) {
	f := h.feedOf(i.show.To)
	list, err := h.encode.frames(f.epoch, i.show)
	if err != nil {
		h.log.Error("a view cannot be encoded; please report this", "person", f.person, "error", err)
		return
	}
	f.keep(list, i.show.View != nil)
	streams := len(f.clients)
	for c := range f.clients {
		switch {
		case c.told != nil:
			streams--
			c.told.shown(i.at, i.show)
		case !c.offer(list):
			h.dropOne(f, c, cutSlow)
		}
	}
	h.metrics.frames.Add(float64(len(list) * streams))
	h.metrics.seconds.Observe(h.now().Sub(i.at).Seconds())
}

// offer puts frames into a client's queue, and says whether there was room.
func (c *client) offer(list []frame) bool {
	for _, one := range list {
		select {
		case c.frames <- one.data:
		default:
			return false
		}
	}
	return true
}

// begin lets a client in: with what it has missed, if that is known, otherwise with the whole view.
func (h *hub) begin(i item) {
	c := i.begin
	defer close(c.begun)
	if c.refused != nil || i.view == nil {
		return
	}
	f := h.feedOf(c.id.person)
	f.at(i.view.Seq)
	after := i.view.Seq
	if c.told != nil {
		c.told.shown(i.at, &supervision.Show{To: c.id.person, Seq: i.view.Seq, View: i.view})
	} else if missed, ok := f.since(c.from); !ok || !f.told(c.id.who(), c.from.seq) {
		whole, err := h.encode.frame(h.epoch, i.view.Seq, "view", i.view)
		if err != nil {
			h.log.Error("a view cannot be encoded; please report this", "person", f.person, "error", err)
		}
		c.frames <- whole.data // there is room: it is the first
	} else {
		after = c.from.seq
		c.frames <- append(joined(missed), caughtUp...)
	}
	f.enter(c, after)
}

// caughtUp is the comment that follows what a client has missed: what it shows is so now. A view needs none.
const caughtUp = ": now\n\n"

// Why streams are cut, as the metrics say it.
const (
	cutSlow     = "slow"
	cutOverflow = "overflow"
	cutEnded    = "ended" // who it was is signed out, or gone
)

func (h *hub) drop(those func(*client) bool, why string) {
	for _, f := range h.feeds {
		for c := range f.clients {
			if those(c) {
				h.dropOne(f, c, why)
			}
		}
	}
}

func (h *hub) dropOne(f *feed, c *client, why string) {
	f.leave(c)
	if c.told == nil && why != "" { // before anybody can see that it is cut
		h.metrics.cuts.WithLabelValues(why).Inc()
	}
	close(c.cut)
	if c.told != nil {
		c.told.lost()
	}
}

// tooSlow notes that a client has not taken what was written to it, and is to lose its connection.
func (h *hub) tooSlow(c *client) { h.tell(item{slow: c}) }

// rest lets go of people whom nobody follows any more.
func (h *hub) rest(ctx context.Context) {
	var gone []supervision.PersonID
	h.mu.Lock()
	for person, n := range h.followed {
		f := h.feeds[person]
		if n > 0 {
			continue
		}
		if f != nil {
			if f.idle++; f.idle < feedRounds {
				continue
			}
		}
		gone = append(gone, person)
	}
	h.mu.Unlock()
	slices.Sort(gone)
	for _, person := range gone {
		h.unfollow(ctx, person)
	}
}

func (h *hub) unfollow(ctx context.Context, person supervision.PersonID) {
	h.watching.Lock()
	defer h.watching.Unlock()
	h.mu.Lock()
	if h.followed[person] > 0 {
		h.mu.Unlock()
		return
	}
	delete(h.followed, person)
	h.mu.Unlock()
	delete(h.feeds, person)
	if err := h.watch(ctx, person, false); err != nil {
		h.log.Debug("a view is followed on", "person", person, "error", err)
	}
}
