package notifier

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"supervisiond/sip/seen"
	"supervisiond/supervision"
)

const (
	// maxInbox is how many changes may wait. Beyond, all is asked for anew.
	maxInbox = 8192
	// maxAsks is how many requests of phones may wait.
	maxAsks = 1024
	// MaxSubscriptions is how many there may be, and MaxOfPerson how many of one person's phones.
	MaxSubscriptions = 20_000
	MaxOfPerson      = 512
	// viewTime is how long a person's view may take to be there.
	viewTime = 3 * time.Second
	// viewPause is until one is asked for again that could not be had while phones show it.
	viewPause = time.Second
	// idleTime is for how long somebody's view is followed after the last subscription.
	idleTime = time.Minute
)

// Options are what a notifier is made of.
type Options struct {
	// Directory is who there is now.
	Directory func() *supervision.Directory
	// Watch has a person's view shown or not any more, before any command that is given later.
	Watch func(context.Context, supervision.PersonID, bool) error
	// Command takes what is asked for; a supervision.Reply with its ID is to be among the effects that Take gets.
	Command func(supervision.Commanded) error
	// Send sends a NOTIFY and waits for what comes of it. It is called on a goroutine of its own.
	Send func(context.Context, *Notify) Answer
	// Alert is told once of each call that somebody who wants to be alerted (Alerts) may pick up, as soon as they may: when it begins
	// to ring, or when they log in. It must not block.
	Alert func(supervision.PersonID, *supervision.CallDocument)
	// Host is where lines are at: the host of the PBX, for the addresses of callers.
	Host string
	// AfterSeconds: the PBX has a place for after how long a forward on no answer forwards.
	AfterSeconds bool
	// Compact: who logged out of a group is left out of its list; otherwise their line goes dark.
	Compact bool
	Metrics *Metrics
	Log     *slog.Logger
}

// Notifier keeps subscriptions.
type Notifier struct {
	o Options

	mu    sync.Mutex
	inbox []supervision.Effect // Show, ShowTalk and Reply
	lost  bool                 // the inbox has overflowed
	// wishes are who wants to be alerted from now on, or no longer.
	wishes map[supervision.PersonID]bool
	// expelled are those whose subscriptions are over, and why.
	expelled map[supervision.PersonID]string
	wake     chan struct{}
	asks     chan ask
	due      chan func() // what timers and answered phones set off
	done     chan struct{}

	// What follows belongs to Run's goroutine.
	ctx     context.Context
	sendCtx context.Context
	viewers map[supervision.PersonID]*viewer
	subs    map[key]*subscription
	results chan result
	setting map[string]*subscription // features that are being set, by the command's id
	count   uint64                   // of commands
	look    looking
	made    made
	sending sync.WaitGroup
}

// viewer is somebody whose phones have subscribed, or are about to.
type viewer struct {
	id      supervision.PersonID
	table   *seen.Table
	asked   string // the id of the command by which the view was asked for
	subs    []*subscription
	lines   map[supervision.PersonID][]*subscription // those of subs that show one person
	lists   []*subscription                          // and those that show a group
	waiting []ask
	alerts  bool // wants to be told of each call
	idle    *time.Timer
}

// New makes a notifier that has yet to Run.
func New(o Options) *Notifier {
	return &Notifier{
		o: o, wishes: make(map[supervision.PersonID]bool), expelled: make(map[supervision.PersonID]string), wake: make(chan struct{}, 1), asks: make(chan ask, maxAsks), done: make(chan struct{}),
		viewers: make(map[supervision.PersonID]*viewer), subs: make(map[key]*subscription), setting: make(map[string]*subscription),
		results: make(chan result), due: make(chan func()),
	}
}

// Take notes what concerns subscriptions. It never blocks.
func (n *Notifier) Take(_ time.Time, effects []supervision.Effect) {
	n.mu.Lock()
	before := len(n.inbox)
	for _, effect := range effects {
		switch e := effect.(type) {
		case supervision.Show, supervision.ShowTalk:
			n.note(effect)
		case supervision.Reply:
			if strings.HasPrefix(e.ID, viewPrefix) || strings.HasPrefix(e.ID, setPrefix) {
				n.note(effect)
			}
		}
	}
	news := len(n.inbox) > before || n.lost
	n.mu.Unlock()
	if news {
		n.rouse()
	}
}

func (n *Notifier) note(e supervision.Effect) {
	if len(n.inbox) >= maxInbox {
		n.inbox, n.lost = nil, true
	}
	n.inbox = append(n.inbox, e)
}

func (n *Notifier) rouse() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run keeps the subscriptions until the context ends. Then all phones are told that theirs are over, and that they should come
// again.
func (n *Notifier) Run(ctx context.Context) {
	defer close(n.done)
	n.ctx, n.sendCtx = ctx, ctx
	for {
		select {
		case <-n.wake:
			n.read()
		case a := <-n.asks:
			n.take(a)
		case r := <-n.results:
			n.sent(r)
		case f := <-n.due:
			f()
		case <-ctx.Done():
			n.farewell()
			return
		}
	}
}

// read takes what has been told, and then looks once at what it has changed.
func (n *Notifier) read() {
	n.mu.Lock()
	list, lost, wishes, expelled := n.inbox, n.lost, n.wishes, n.expelled
	n.inbox, n.lost = nil, false
	n.wishes, n.expelled = make(map[supervision.PersonID]bool), make(map[supervision.PersonID]string)
	n.mu.Unlock()
	for id, reason := range expelled {
		n.expel(id, reason)
	}
	n.grant(wishes)
	if lost {
		n.o.Log.Warn("more changed than phones could be told; what they show is made anew", "changes", maxInbox)
		for _, v := range n.viewers {
			n.askView(v)
		}
	}
	var set []supervision.Reply
	for _, effect := range list {
		switch e := effect.(type) {
		case supervision.Show:
			if v := n.viewers[e.To]; v != nil {
				n.changed(v, v.table.Show(&e))
			}
		case supervision.ShowTalk:
			if v := n.viewers[e.To]; v != nil {
				n.changed(v, v.table.ShowTalk(&e))
			}
		case supervision.Reply:
			if strings.HasPrefix(e.ID, setPrefix) {
				set = append(set, e) // what it changed is told after it
			} else {
				n.replied(&e)
			}
		}
	}
	for i := range set {
		n.set(&set[i])
	}
	n.lookAtChanged()
}

// viewerOf finds or begins to follow what somebody sees.
func (n *Notifier) viewerOf(id supervision.PersonID) *viewer {
	v := n.viewers[id]
	if v == nil {
		v = &viewer{id: id, table: seen.NewTable(id), lines: make(map[supervision.PersonID][]*subscription)}
		n.viewers[id] = v
		n.askView(v)
	}
	if v.idle != nil {
		v.idle.Stop()
		v.idle = nil
	}
	return v
}

// viewPrefix begins the ids of commands that ask for views.
const viewPrefix = "sip-view-"

// askView has a view followed and asks for the whole of it. Until it is there what is known stays.
func (n *Notifier) askView(v *viewer) {
	n.count++
	v.asked = viewPrefix + strconv.FormatUint(n.count, 10)
	err := n.o.Watch(n.ctx, v.id, true)
	if err == nil {
		err = n.o.Command(supervision.Commanded{At: time.Now(), ID: v.asked, Actor: v.id, Command: supervision.GetView{}})
	}
	if err != nil {
		n.noView(v)
		return
	}
	asked := v.asked
	n.after(viewTime, func() {
		if n.viewers[v.id] == v && v.asked == asked {
			n.noView(v)
		}
	})
}

// noView: the engine does not answer. Phones that wait are asked to come again.
func (n *Notifier) noView(v *viewer) {
	v.asked = ""
	for _, a := range v.waiting {
		a.answer <- refused(503, "Service Unavailable", RetryAfter(5))
	}
	v.waiting = nil
	if len(v.subs) > 0 { // what is known may be old
		n.after(viewPause, func() {
			if n.viewers[v.id] == v && v.asked == "" && len(v.subs) > 0 {
				n.askView(v)
			}
		})
	}
	n.perhapsIdle(v)
}

func (n *Notifier) replied(r *supervision.Reply) {
	for _, v := range n.viewers {
		if v.asked != r.ID {
			continue
		}
		v.asked = ""
		if view, ok := r.Result.(*supervision.View); ok {
			changed := v.table.Begin(view)
			waiting := v.waiting
			v.waiting = nil
			n.lookAt(v, &changed)
			for _, a := range waiting {
				n.judge(a, v)
			}
		} else {
			n.noView(v)
		}
		return
	}
}

func (v *viewer) used() bool { return len(v.subs) > 0 || len(v.waiting) > 0 || v.alerts }

// Alerts says whether Alert is to be told of calls that begin to ring for somebody. It never blocks.
func (n *Notifier) Alerts(id supervision.PersonID, on bool) {
	n.mu.Lock()
	n.wishes[id] = on
	n.mu.Unlock()
	n.rouse()
}

// grant follows the view of who wants alerts.
func (n *Notifier) grant(wishes map[supervision.PersonID]bool) {
	for id, on := range wishes {
		if v := n.viewers[id]; on || v != nil {
			v = n.viewerOf(id)
			v.alerts = on
			n.perhapsIdle(v)
		}
	}
}

// perhapsIdle stops to follow a view after a while in which no phone has subscribed.
func (n *Notifier) perhapsIdle(v *viewer) {
	if v.used() || v.idle != nil {
		return
	}
	v.idle = n.after(idleTime, func() {
		if n.viewers[v.id] == v && !v.used() {
			n.unfollow(v)
		}
	})
}

func (n *Notifier) unfollow(v *viewer) {
	delete(n.viewers, v.id)
	if err := n.o.Watch(n.ctx, v.id, false); err != nil && n.ctx.Err() == nil {
		n.o.Log.Warn("a view is followed in vain", "person", v.id, "error", err)
	}
}

// after runs f on the notifier's goroutine, unless it has ended by then.
func (n *Notifier) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		select {
		case n.due <- f:
		case <-n.ctx.Done():
		}
	})
}
