package softphone

import (
	"context"
	"fmt"
	"net/url"

	"github.com/emiago/sipgo/sip"
)

// Transfer sends the other side on to a number, as a phone does without asking there first (RFC 3515). It returns when the PBX has
// agreed to it; how that went shows in the calls.
func (c *Call) Transfer(ctx context.Context, number string) error {
	uri := c.phone.uri(number)
	return c.refer(ctx, "<"+uri.String()+">")
}

// TransferTo joins the other sides of two calls of the phone, as a phone does after asking (RFC 5589, 7.3).
func (c *Call) TransferTo(ctx context.Context, other *Call) error {
	other.mu.Lock()
	remote, _ := other.to.Params.Get("tag")
	target, replaces := other.target, other.callID+";to-tag="+remote+";from-tag="+other.localTag
	other.mu.Unlock()
	target.Headers = nil
	return c.refer(ctx, "<"+target.String()+"?Replaces="+url.QueryEscape(replaces)+">")
}

func (c *Call) refer(ctx context.Context, to string) error {
	c.mu.Lock()
	c.localSeq++
	req := c.within(sip.REFER, c.localSeq)
	c.mu.Unlock()
	req.AppendHeader(c.phone.contact())
	req.AppendHeader(sip.NewHeader("Refer-To", to))
	res, err := c.phone.client.Do(ctx, req)
	if err != nil {
		return fmt.Errorf("softphone: %s: REFER: %w", c, err)
	}
	if !res.IsSuccess() {
		return fmt.Errorf("softphone: %s: REFER: %d %s", c, res.StatusCode, res.Reason)
	}
	return nil
}
