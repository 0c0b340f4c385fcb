package bench

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// wallRings is how long a phone rings before somebody answers or gives up, and how long people talk.
const wallRings = 2 * time.Second

// wall is a real Asterisk with 896 phones, and the world that calls them.
type wall struct {
	t     *testing.T
	pbx   *lab.Asterisk
	trunk *softphone.Phone

	held []wallCall

	mu    sync.Mutex
	rings []wallRing
}

// wallCall is one that the world makes.
type wallCall struct {
	caller string
	to     wallDial
}

// wallRing is a call at a phone.
type wallRing struct {
	person int
	call   *softphone.Call
}

func startWall(t *testing.T) *wall {
	t.Helper()
	w := &wall{t: t, pbx: lab.Start(t, wallPBX())}
	w.trunk = softphone.Start(t, softphone.Options{
		User: lab.Trunk, Password: lab.Password(lab.Trunk), Server: w.pbx.SIPAddr(), NoRegister: true,
	})
	softphone.Start(t, w.phone(wallSupervisor, softphone.AutoAnswer()))
	began := time.Now()
	people := wallWho(wallHasPhone)
	w.register(people)
	t.Logf("Asterisk is there after %v, and %d phones after %v more", w.pbx.BootTime(), len(people), time.Since(began))
	return w
}

// register starts these people's phones, and closes them at the end, eight at a time.
func (w *wall) register(people []int) {
	w.t.Helper()
	phones := make([]*softphone.Phone, len(people))
	all := func(parent context.Context, do func(ctx context.Context, i int) error) error {
		ctx, cancel := context.WithTimeout(parent, patience)
		defer cancel()
		var some errgroup.Group
		some.SetLimit(8)
		for i := range people {
			some.Go(func() error { return do(ctx, i) })
		}
		return some.Wait()
	}
	w.t.Cleanup(func() {
		if err := all(context.Background(), func(ctx context.Context, i int) error {
			if phones[i] == nil {
				return nil
			}
			return phones[i].Close(ctx)
		}); err != nil {
			w.t.Errorf("close the phones: %v", err)
		}
	})
	if err := all(w.t.Context(), func(ctx context.Context, i int) (err error) {
		p := people[i]
		phones[i], err = softphone.New(ctx, w.phone(wallExtension(p), func(ctx context.Context, c *softphone.Call) { w.ring(ctx, c, p) }))
		return err
	}); err != nil {
		w.t.Fatalf("register the phones: %v", err)
	}
}

// phone is one that does not register again before the test is over.
func (w *wall) phone(user string, behave softphone.Behaviour) softphone.Options {
	return softphone.Options{
		User: user, Password: lab.Password(user), Server: w.pbx.SIPAddr(), Expires: time.Hour, Behaviour: behave,
	}
}

// ring is what a person does with a call.
func (w *wall) ring(ctx context.Context, c *softphone.Call, person int) {
	w.mu.Lock()
	w.rings = append(w.rings, wallRing{person, c})
	w.mu.Unlock()
	if wallAnswers(person) {
		softphone.AnswerAfter(wallRings)(ctx, c)
	}
}

// ringing are all phones that ring now, as the phones know it: who is called, and by which number.
func (w *wall) ringing() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, r := range w.rings {
		if r.call.State() == softphone.Ringing {
			list = append(list, wallLine(r.person, r.call.Display().Number))
		}
	}
	slices.Sort(list)
	return list
}

// wallLine says who rings by whose call.
func wallLine(person int, caller string) string { return wallPerson(person) + " " + caller }

// dial has the world call, and waits until it rings.
func (w *wall) dial(ctx context.Context, call wallCall) (*softphone.Call, error) {
	c, err := w.trunk.Dial(ctx, "4930"+call.to.number, softphone.From(call.caller, "Customer"))
	if err != nil {
		return nil, err
	}
	return c, c.Wait(ctx, softphone.Ringing)
}

// heldPerson is called twice at once.
const heldPerson = 104

// hold has some calls more ring, which nobody answers and whose callers do not give up.
func (w *wall) hold() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for i, to := range []wallDial{wallDirect(heldPerson), wallIdleGroup(), wallDirect(heldPerson), wallDirect(wallPeople - 2)} {
		call := wallCall{callerNumber(900_000 + i), to}
		if _, err := w.dial(ctx, call); err != nil {
			w.t.Fatalf("%+v: %v", call, err)
		}
		w.held = append(w.held, call)
	}
}

// storm has wallRate calls begin each second until it is told to stop, which waits until all have ended. Of three one rings
// three people.
func (w *wall) storm() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	people, groups := wallWho(wallHasPhone), wallRingGroups()
	var calls sync.WaitGroup
	calls.Go(func() {
		tick := time.NewTicker(time.Second / wallRate)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			to := wallDirect(people[n*37%len(people)])
			if n%3 == 2 {
				to = groups[n/3%len(groups)]
			}
			calls.Go(func() { w.call(wallCall{callerNumber(n), to}) })
		}
	})
	stop = func() {
		cancel()
		calls.Wait()
	}
	w.t.Cleanup(stop)
	return stop
}

// call is one that rings for wallRings. Then it is answered, and there are as long words, or the caller gives up.
func (w *wall) call(call wallCall) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	c, err := w.dial(ctx, call)
	if err == nil && slices.ContainsFunc(call.to.rings, wallAnswers) {
		err = c.Wait(ctx, softphone.Talking)
	}
	if err == nil {
		enough := time.NewTimer(wallRings)
		defer enough.Stop()
		select {
		case <-enough.C:
			err = c.Hangup(ctx)
		case <-ctx.Done():
		}
	}
	if err != nil && w.t.Context().Err() == nil {
		w.t.Errorf("%+v: %v", call, err)
	}
}
