package softphone

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// StatusError is a final response that refuses a request.
type StatusError struct {
	Method string
	Code   int
	Text   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("softphone: %s was refused: %d %s", e.Method, e.Code, e.Text)
}

// registration is the one of a phone: REGISTER requests share a Call-ID and
// count on.
type registration struct {
	mu     sync.Mutex // one REGISTER at a time
	callID string
	seq    uint32
	held   bool
}

// Register registers now. The phone does so by itself, too; call this when the
// PBX may have forgotten it.
func (p *Phone) Register(ctx context.Context) error {
	return p.register(ctx, p.options.Expires)
}

// unregister takes back what Register did, if it did.
func (p *Phone) unregister(ctx context.Context) error {
	r := &p.registration
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if !held {
		return nil
	}
	if err := p.register(ctx, 0); err != nil && ctx.Err() == nil {
		return err
	}
	return nil // a PBX that is not there keeps no registration worth an error
}

func (p *Phone) register(ctx context.Context, expires time.Duration) error {
	r := &p.registration
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.callID == "" {
		r.callID = sip.GenerateTagN(24)
	}
	r.seq++
	me := p.uri(p.options.User)
	req := p.request(sip.REGISTER, p.uri(""))
	req.AppendHeader(&sip.FromHeader{Address: me, Params: sip.HeaderParams{{K: "tag", V: sip.GenerateTagN(16)}}})
	req.AppendHeader(&sip.ToHeader{Address: me})
	req.AppendHeader((*sip.CallIDHeader)(&r.callID))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: r.seq, MethodName: sip.REGISTER})
	req.AppendHeader(p.contact())
	req.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(math.Ceil(expires.Seconds())))))

	res, err := p.client.Do(ctx, req)
	if err == nil && challenges(res) {
		r.seq++
		if req, err = p.authorize(req, res, r.seq); err == nil {
			res, err = p.client.Do(ctx, req)
		}
	}
	if err != nil {
		return fmt.Errorf("softphone: %s: REGISTER: %w", p.options.User, err)
	}
	if !res.IsSuccess() {
		return &StatusError{Method: "REGISTER", Code: res.StatusCode, Text: res.Reason}
	}
	r.held = expires > 0
	return nil
}

// keepRegistered registers again at half time, and after a failure soon.
func (p *Phone) keepRegistered() {
	timer := time.NewTimer(p.options.Expires / 2)
	defer timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-timer.C:
		}
		p.mu.Lock()
		closing := p.closing
		p.mu.Unlock()
		if closing {
			return
		}
		if err := p.Register(p.ctx); err != nil {
			p.options.Logger.Warn("register", "user", p.options.User, "error", err)
			timer.Reset(time.Second)
			continue
		}
		timer.Reset(p.options.Expires / 2)
	}
}

func challenges(res *sip.Response) bool {
	return res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
}

// authorize is a request again, with what a challenge asks for. It is a copy:
// the first one's transaction still reads the original.
func (p *Phone) authorize(req *sip.Request, res *sip.Response, seq uint32) (*sip.Request, error) {
	challenge, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		challenge, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	var problems error
	for _, value := range values(res, challenge) {
		c, err := digest.ParseChallenge(value)
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		if !digest.CanDigest(c) {
			continue
		}
		credentials, err := digest.Digest(c, digest.Options{
			Method: string(req.Method), URI: req.Recipient.Addr(), Count: 1,
			Username: p.options.User, Password: p.options.Password,
		})
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		again := req.Clone()
		again.RemoveHeader("Via")
		again.CSeq().SeqNo = seq
		again.AppendHeader(sip.NewHeader(answer, credentials.String()))
		return again, nil
	}
	return nil, errors.Join(fmt.Errorf("no %s that we can answer", challenge), problems)
}
