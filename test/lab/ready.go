package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// awaitReady returns when ARI answers, SIP answers and Asterisk says that it is
// fully booted. Each of them comes before the others at times.
func (a *Asterisk) awaitReady(ctx context.Context, p *process) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-p.ended:
			cancel(fmt.Errorf("Asterisk ended while it started: %w", p.err))
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(nil); <-watched }()

	for _, ready := range []func(context.Context) error{a.tryARI, a.tryBooted, a.tryDatabase, a.trySIP} {
		if err := poll(ctx, ready); err != nil {
			return err
		}
	}
	return nil
}

// poll tries until it works, the context ends, or p says that it never will.
func poll(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		last := try(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

func (a *Asterisk) tryARI(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.ARIURL()+"/asterisk/info?only=status", nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(ARIUser, a.options.ARIPassword)
	req.Close = true // whoever stops the lab finds no connection of ours left
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ARI answers %s", res.Status)
	}
	return nil
}

func (a *Asterisk) tryBooted(ctx context.Context) error {
	text, err := a.CLI(ctx, "core waitfullybooted")
	if err != nil {
		return err
	}
	if !strings.Contains(text, "fully booted") {
		return errors.New("the console says " + strings.TrimSpace(text))
	}
	return nil
}

// tryDatabase looks whether the layout's own entries are in the AstDB: Asterisk
// writes them by commands that it runs after it has booted.
func (a *Asterisk) tryDatabase(ctx context.Context) error {
	if a.options.Layout == "" {
		return nil
	}
	text, err := a.CLI(ctx, "database get LAB laid-out")
	if err != nil {
		return err
	}
	if !strings.Contains(text, "yes") {
		return errors.New("the AstDB is not filled yet")
	}
	return nil
}

// trySIP asks for a sign of life; any answer is one.
func (a *Asterisk) trySIP(ctx context.Context) error {
	c, err := new(net.Dialer).DialContext(ctx, "udp", a.SIPAddr())
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	lines := []string{
		"OPTIONS sip:lab@" + a.SIPAddr() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + c.LocalAddr().String() + ";branch=z9hG4bKlab;rport",
		"From: <sip:lab@" + a.SIPAddr() + ">;tag=lab",
		"To: <sip:lab@" + a.SIPAddr() + ">",
		"Call-ID: " + c.LocalAddr().String(),
		"CSeq: 1 OPTIONS",
		"Max-Forwards: 70",
		"Content-Length: 0",
	}
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		return err
	}
	answer := make([]byte, 2048)
	n, err := c.Read(answer)
	if err != nil {
		return fmt.Errorf("SIP does not answer: %w", err)
	}
	if !strings.HasPrefix(string(answer[:n]), "SIP/2.0 ") {
		return errors.New("what answers on the SIP port is not SIP")
	}
	return nil
}
