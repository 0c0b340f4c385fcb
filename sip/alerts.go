package sip

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"supervisiond/sip/body"
	"supervisiond/sip/notifier"
	"supervisiond/supervision"
)

const (
	// maxAlerts is how many alerts may wait; beyond, the newest are dropped: those before it have to go first.
	maxAlerts = 256
	// alertTime is how long an alert may take to reach a phone, from the ring on; later it is no help.
	alertTime = 5 * time.Second
	// alertsOfPhone is how many wait for one phone, which gets one after the other.
	alertsOfPhone = 16
)

// alerts tells phones in words that a call rings (SIP MESSAGE, RFC 3428).
type alerts struct {
	queue     chan alert
	phones    func(supervision.PersonID) []*phone
	directory func() *supervision.Directory
	send      func(context.Context, *phone, *gosip.Request) notifier.Answer
	log       *slog.Logger

	sending sync.WaitGroup
	mu      sync.Mutex
	lines   map[string][]delivery // what waits for each phone that is being alerted, by its address
}

func newAlerts(o Options, phones func(supervision.PersonID) []*phone, send func(context.Context, *phone, *gosip.Request) notifier.Answer) *alerts {
	return &alerts{
		queue: make(chan alert, maxAlerts), phones: phones, directory: o.Directory, send: send, log: o.Log, lines: make(map[string][]delivery),
	}
}

type delivery struct {
	alert
	phone *phone
}

type alert struct {
	to   supervision.PersonID
	call *supervision.CallDocument
	at   time.Time
}

// add never blocks.
func (a *alerts) add(to supervision.PersonID, call *supervision.CallDocument) {
	select {
	case a.queue <- alert{to, call, time.Now()}:
	default:
		a.log.Warn("too many calls ring for phones to be told of each", "person", to, "waiting", maxAlerts)
	}
}

// run sends until the context ends, and returns when what is under way is over.
func (a *alerts) run(ctx context.Context) {
	defer a.sending.Wait()
	for {
		select {
		case one := <-a.queue:
			for _, p := range a.phones(one.to) {
				a.give(ctx, one, p)
			}
		case <-ctx.Done():
			return
		}
	}
}

// give has a phone alerted after what it has yet to be alerted of. Of a phone that does not answer nobody else notices anything.
func (a *alerts) give(ctx context.Context, one alert, p *phone) {
	a.mu.Lock()
	defer a.mu.Unlock()
	address := p.Address()
	list, busy := a.lines[address]
	if len(list) >= alertsOfPhone {
		a.log.Debug("a phone is too slow for an alert", "person", one.to, "phone", address, "waiting", alertsOfPhone)
		return
	}
	a.lines[address] = append(list, delivery{one, p})
	if !busy {
		a.sending.Go(func() { a.deliver(ctx, address) })
	}
}

// deliver sends what there is for a phone, and ends with it.
func (a *alerts) deliver(ctx context.Context, address string) {
	for {
		a.mu.Lock()
		list := a.lines[address]
		if len(list) == 0 || ctx.Err() != nil {
			delete(a.lines, address)
			a.mu.Unlock()
			return
		}
		next := list[0]
		a.lines[address] = list[1:]
		a.mu.Unlock()
		a.tell(ctx, next.alert, next.phone)
	}
}

func (a *alerts) tell(ctx context.Context, one alert, p *phone) {
	ctx, cancel := context.WithDeadline(ctx, one.at.Add(alertTime))
	defer cancel()
	if ctx.Err() != nil {
		return // it has waited for too long
	}
	req := p.request(gosip.MESSAGE, notifier.Dialog{CallID: rand.Text(), LocalTag: rand.Text()[:12]}, 1)
	req.RemoveHeader("Contact") // it makes no dialog (RFC 3428, 4)
	req.AppendHeader(gosip.NewHeader("Content-Type", body.AlertType))
	req.SetBody([]byte(a.words(one)))
	if answer := a.send(ctx, p, req); answer.Code/100 != 2 {
		a.log.Info("a phone did not take an alert", "person", one.to, "phone", p.Address(), "answer", answer.Code, "error", answer.Err)
	}
}

// words say who calls whom.
func (a *alerts) words(one alert) string {
	dir := a.directory()
	w := body.Alert{Number: one.call.Caller.Number, Name: one.call.Caller.Name, Withheld: one.call.Caller.Withheld}
	if p := dir.Person(one.to); p != nil {
		w.Lang = p.Language
	}
	for _, part := range one.call.Ringing {
		if p := dir.Person(part.Person); p != nil && part.Person != one.to {
			w.Callee = p.Name
			break
		}
	}
	for _, v := range one.call.Via {
		w.Via = append(w.Via, body.Via{Kind: string(v.Kind), Number: v.Number, Name: v.Name})
	}
	return w.Text()
}
