package softphone_test

import (
	"context"
	"testing"
	"time"

	"supervisiond/test/lab"
	"supervisiond/test/softphone"
)

// patience bounds every wait.
const patience = 30 * time.Second

// within bounds what a test waits for.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// phone starts a phone at a PBX.
func phone(t *testing.T, pbx *lab.Asterisk, user string, change ...func(*softphone.Options)) *softphone.Phone {
	t.Helper()
	o := softphone.Options{User: user, Password: lab.Password(user), Server: pbx.SIPAddr()}
	for _, c := range change {
		c(&o)
	}
	return softphone.Start(t, o)
}

func behave(b softphone.Behaviour) func(*softphone.Options) {
	return func(o *softphone.Options) { o.Behaviour = b }
}

func dial(t *testing.T, p *softphone.Phone, number string, options ...softphone.DialOption) *softphone.Call {
	t.Helper()
	call, err := p.Dial(within(t), number, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			logCall(t, call)
		}
	})
	return call
}

// rings waits until a phone rings.
func rings(t *testing.T, p *softphone.Phone) *softphone.Call {
	t.Helper()
	call, err := p.Incoming(within(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			logCall(t, call)
		}
	})
	return call
}

func logCall(t *testing.T, call *softphone.Call) {
	t.Helper()
	t.Logf("%s %s:", call, call.ID())
	for _, e := range call.Events() {
		t.Log("  ", e)
	}
}

func wait(t *testing.T, call *softphone.Call, state softphone.State) {
	t.Helper()
	if err := call.Wait(within(t), state); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hear proves that two calls hear each other, and nobody else.
func hear(t *testing.T, a, b *softphone.Call) {
	t.Helper()
	ctx := within(t)
	must(t, a.Hears(ctx, b.Phone().Mark()))
	must(t, b.Hears(ctx, a.Phone().Mark()))
}

func ended(t *testing.T, call *softphone.Call) softphone.End {
	t.Helper()
	end, err := call.Ended(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func expectEnd(t *testing.T, call *softphone.Call, how softphone.How, code int) softphone.End {
	t.Helper()
	end := ended(t, call)
	if end.How != how || end.Code != code {
		t.Errorf("%s ended %+v, want %s %d", call, end, how, code)
	}
	return end
}
