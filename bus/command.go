package bus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"supervisiond/bus/subject"
	"supervisiond/supervision"
)

const (
	// maxCommands is how many commands may run at a time.
	maxCommands = 1024
	// commandTime is how long a command may take.
	commandTime = 5 * time.Second
	// leaveTime is how long the last answers may take to leave.
	leaveTime = 500 * time.Millisecond
	// serviceVersion is that of the commands, not of the program.
	serviceVersion = "1.0.0"
)

// commands serves supervision.v1.<site>.cmd.<actor>.<verb>: it reads what is asked for, hands it to the engine, and
// sends the answer when the engine has replied.
type commands struct {
	bus    *Bus
	prefix string
	count  *metrics
	time   time.Duration // commandTime; less in tests
	limit  int           // maxCommands; less in tests

	answers chan *running // as many as may run: sending never blocks

	mu      sync.Mutex
	last    uint64
	nc      *nats.Conn
	service micro.Service
	stopped bool
	// idle is closed when nothing runs any more after stopped.
	idle    chan struct{}
	waiting map[string]*running
	inside  int // waiting, and those whose answer is not out yet
}

// running is a command that was taken.
type running struct {
	id      string
	verb    *verb
	command supervision.Command
	nc      *nats.Conn
	reply   string // the subject of the answer
	query   historyQuery
	began   time.Time
	timer   *time.Timer
	// result has come, and waits until what it speaks of is there to be seen.
	result *supervision.Reply
}

func newCommands(b *Bus) *commands {
	return &commands{
		bus: b, prefix: subject.Command(b.options.Site), count: b.metrics,
		time: commandTime, limit: maxCommands,
		answers: make(chan *running, maxCommands), idle: make(chan struct{}), waiting: make(map[string]*running),
	}
}

// serve begins to serve on a connection, if that has not been done. While the state is not whole the commands that come
// are refused; the service stays, so that they are refused at once and with a reason.
func (c *commands) serve(nc *nats.Conn) error {
	if c.bus.options.Command == nil || c.serves(nc) {
		return nil
	}
	service, err := c.newService(nc)
	if err != nil {
		return err
	}
	c.mu.Lock()
	stopped := c.stopped
	if !stopped {
		c.nc, c.service = nc, service
	}
	c.mu.Unlock()
	if stopped {
		_ = service.Stop()
	}
	return nil
}

func (c *commands) serves(nc *nats.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped || c.nc == nc && c.service != nil && !c.service.Stopped()
}

// connection is the one that commands are served on; nil: NATS is away.
func (c *commands) connection() *nats.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc == nil || !c.nc.IsConnected() {
		return nil
	}
	return c.nc
}

func (c *commands) newService(nc *nats.Conn) (micro.Service, error) {
	site := c.bus.options.Site
	service, err := micro.AddService(nc, micro.Config{
		Name: "supervision", Version: serviceVersion,
		Description: "supervisiond: commands of site " + site,
		Metadata:    map[string]string{"site": site},
	})
	if err != nil {
		return nil, fmt.Errorf("serving commands: %w", err)
	}
	for i := range verbs {
		v := &verbs[i]
		err := service.AddEndpoint(strings.ReplaceAll(v.name, ".", "-"),
			micro.HandlerFunc(func(m micro.Request) { c.handle(nc, v, m) }),
			micro.WithEndpointSubject(c.prefix+"*."+v.name),
			micro.WithEndpointMetadata(map[string]string{"body": v.body}))
		if err != nil {
			_ = service.Stop()
			return nil, fmt.Errorf("serving %s: %w", v.name, err)
		}
	}
	return service, nil
}

// answerable says whether a command may be answered there. Whoever may send a request chooses where its answer goes, and
// the daemon may publish what its readers may not: a reply subject is therefore taken for what it should be, an inbox,
// or not at all. JetStream's own ($JS.ACK…) are what a message carries that a consumer was made to deliver here; the
// daemon's inbox is where it awaits what NATS tells it.
func answerable(reply string) bool {
	inbox, ok := strings.CutPrefix(reply, "_INBOX")
	return ok && len(inbox) > 1 && (inbox[0] == '.' || inbox[0] == '_') &&
		!strings.HasPrefix(reply, subject.Inbox(subject.Daemon)+".") && !strings.ContainsAny(reply, "*> ")
}

// handle takes one command. What nobody awaits an answer to is not carried out: no program asks so, but a server can be
// made to send such things.
func (c *commands) handle(nc *nats.Conn, v *verb, m micro.Request) {
	if !answerable(m.Reply()) {
		c.count.commandsIgnored.Inc()
		return
	}
	actor, _, _ := strings.Cut(strings.TrimPrefix(m.Subject(), c.prefix), ".")
	command, query, refusal := v.parse(m.Data())
	if refusal != nil {
		c.refuse(v, m, refusal)
		return
	}
	r := &running{verb: v, command: command, nc: nc, reply: m.Reply(), query: query, began: time.Now()}
	if why := c.enter(r); why != "" {
		c.refuse(v, m, unavailable(why))
		return
	}
	err := c.bus.options.Command(supervision.Commanded{
		At: c.bus.options.Now(), ID: r.id, Actor: supervision.PersonID(actor), Via: supervision.ViaNATS, Command: command,
	})
	if err != nil && c.take(r.id) != nil {
		r.result = &supervision.Reply{ID: r.id, Refusal: unavailable("the daemon cannot take the command: " + err.Error())}
		c.answers <- r
	}
}

// enter gives a command its id and lets it wait for its reply, or says why not.
func (c *commands) enter(r *running) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopped:
		return "the daemon is stopping"
	case !c.bus.Ready():
		return "the daemon is not ready: its state is not on NATS yet"
	case c.inside >= c.limit:
		return "too many commands run at the same time; try again"
	}
	c.last++
	c.inside++
	c.count.commandsRunning.Set(float64(c.inside))
	r.id = "nats-" + strconv.FormatUint(c.last, 10)
	c.waiting[r.id] = r
	limit := c.time
	if r.verb.name == pickupVerb {
		limit += longestPickup
	}
	r.timer = time.AfterFunc(limit, func() { c.deliver(r.id) })
	return ""
}

// replied notes a reply of the engine's, and says whether it is one of ours.
func (c *commands) replied(reply *supervision.Reply) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.waiting[reply.ID]
	if r == nil || r.result != nil {
		return false
	}
	r.result = reply
	return true
}

// take ends a command's waiting. Only one of those who try gets it.
func (c *commands) take(id string) *running {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.waiting[id]
	if r != nil {
		delete(c.waiting, id)
		r.timer.Stop()
	}
	return r
}

// deliver lets a command be answered with the reply that has come, or says that none has. It never blocks.
func (c *commands) deliver(id string) {
	r := c.take(id)
	if r == nil {
		return
	}
	if r.result == nil {
		r.result = &supervision.Reply{ID: id, Refusal: supervision.NoReply(r.command)}
	}
	c.answers <- r
}

func unavailable(why string) *supervision.Refusal {
	return &supervision.Refusal{Code: supervision.Unavailable, Message: why}
}

// finished counts a command out.
func (c *commands) finished() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inside--
	c.count.commandsRunning.Set(float64(c.inside))
	c.settleLocked()
}

func (c *commands) settleLocked() {
	if c.stopped && c.inside == 0 {
		select {
		case <-c.idle:
		default:
			close(c.idle)
		}
	}
}

// stop takes no more commands, and waits for those that run until ctx is done. Then it refuses them.
func (c *commands) stop(ctx context.Context) error {
	c.mu.Lock()
	c.stopped = true
	nc, service := c.nc, c.service
	c.service = nil
	c.settleLocked()
	c.mu.Unlock()
	if service != nil {
		_ = service.Stop() // on a connection that is gone there is nothing to stop
	}
	var err error
	select {
	case <-c.idle:
	case <-ctx.Done():
		err = c.abandon()
	}
	if nc != nil {
		_ = nc.FlushTimeout(leaveTime) // if they cannot leave now, they cannot later
	}
	return err
}

// abandon refuses what still runs.
func (c *commands) abandon() error {
	c.mu.Lock()
	ids := make([]string, 0, len(c.waiting))
	for id := range c.waiting {
		ids = append(ids, id)
	}
	c.mu.Unlock()
	slices.Sort(ids)
	for _, id := range ids {
		c.deliver(id)
	}
	select {
	case <-c.idle:
	case <-time.After(leaveTime):
	}
	if len(ids) > 0 {
		return fmt.Errorf("%d commands were not finished", len(ids))
	}
	return nil
}
