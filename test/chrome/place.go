package chrome

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Place is an element of a page, or all of it.
type Place struct {
	page *Page
	node cdp.BackendNodeID // 0: all
	// Name is what a screen reader calls it, Description what it adds, and States what else it says: checked, disabled, expanded.
	Name, Description string
	States            map[string]string
}

// Await waits until there is an element of a role whose name or text has all words, and gives the first. What is hidden from
// screen readers does not count.
func (p *Place) Await(role string, words ...string) *Place {
	p.page.t.Helper()
	var found *Place
	p.page.until(fmt.Sprintf("there is a %s with %q", role, words), func() bool {
		all := p.All(role, words...)
		if len(all) == 0 {
			return false
		}
		found = all[0]
		return true
	})
	return found
}

// Gone waits until there is no such element.
func (p *Place) Gone(role string, words ...string) {
	p.page.t.Helper()
	p.page.until(fmt.Sprintf("there is no %s with %q", role, words), func() bool { return len(p.All(role, words...)) == 0 })
}

// All are the elements of a role whose name or text has all words, as they are now.
func (p *Place) All(role string, words ...string) []*Place {
	p.page.t.Helper()
	ctx, cancel := p.page.bounded()
	defer cancel()
	all, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) ([]*Place, error) { return p.query(ctx, tab, role) })
	p.page.must("look for a "+role, err)
	return slices.DeleteFunc(all, func(one *Place) bool { return !one.has(words) })
}

func (p *Place) query(ctx context.Context, tab *chromedp.Target, role string) ([]*Place, error) {
	asked := accessibility.QueryAXTreeParams{BackendNodeID: p.node, Role: role}
	if p.node == 0 {
		document, err := chromedp.Evaluate[*runtime.RemoteObject](`document`)(ctx, tab)
		if err != nil {
			return nil, err
		}
		asked.ObjectID = document.ObjectID
	}
	answer, err := cdp.Call(ctx, tab, accessibility.QueryAXTree, asked)
	if err != nil {
		return nil, err
	}
	var all []*Place
	for _, n := range answer.Nodes {
		if n.Ignored || n.BackendDOMNodeID == 0 {
			continue
		}
		one := &Place{page: p.page, node: n.BackendDOMNodeID, Name: valueOf(n.Name), Description: valueOf(n.Description), States: make(map[string]string)}
		for _, state := range n.Properties {
			one.States[string(state.Name)] = valueOf(state.Value)
		}
		all = append(all, one)
	}
	return all, nil
}

func valueOf(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal(v.Value, &s) != nil {
		return string(v.Value)
	}
	return s
}

func (p *Place) has(words []string) bool {
	text, read := p.Name, false
	for _, w := range words {
		if !strings.Contains(text, w) && !read {
			text, read = text+"\n"+p.Text(), true
		}
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// Text is what can be read there; nothing if it is gone.
func (p *Place) Text() string {
	p.page.t.Helper()
	if p.node == 0 {
		return Eval[string](p.page, `document.body.innerText`)
	}
	ctx, cancel := p.page.bounded()
	defer cancel()
	text, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) (string, error) {
		element, err := cdp.Call(ctx, tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: p.node})
		if err != nil {
			return "", nil //nolint:nilerr // it has been taken away meanwhile
		}
		yes := true
		r, err := cdp.Call(ctx, tab, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
			FunctionDeclaration: `function() { return this.innerText ?? "" }`, ObjectID: element.Object.ObjectID, ReturnByValue: &yes,
		})
		if err != nil {
			return "", err
		}
		var text string
		return text, json.Unmarshal(r.Result.Value, &text)
	})
	p.page.must("read", err)
	return text
}

// Reads waits until a text can be read there.
func (p *Place) Reads(text string) {
	p.page.t.Helper()
	p.page.until(fmt.Sprintf("%q is read", text), func() bool { return strings.Contains(p.Text(), text) })
}

// ReadsNot waits until a text cannot be read there any more.
func (p *Place) ReadsNot(text string) {
	p.page.t.Helper()
	p.page.until(fmt.Sprintf("%q is not read", text), func() bool { return !strings.Contains(p.Text(), text) })
}

// aims gives the middle of an element when it has lain there and could be pressed for so many ms. null: it is gone, or has no place.
const aims = `async function(still) {
	this.scrollIntoViewIfNeeded();
	let last, since;
	for (;;) {
		const {x, y, width, height} = this.getBoundingClientRect(), there = [x + width / 2, y + height / 2];
		if (!this.isConnected || width * height === 0) return null;
		if (String(there) !== String(last) || this.matches(":disabled")) [last, since] = [there, performance.now()];
		else if (performance.now() - since >= still) return there;
		await new Promise(later => setTimeout(later, 20));
	}
}`

// Settled waits until it has lain still for 400 ms, as it has for somebody who has seen it and means to press it, and gives where its
// middle is.
func (p *Place) Settled() (x, y float64) {
	p.page.t.Helper()
	return p.still(400)
}

// Aimed waits until it has Settled.
func (p *Place) Aimed() *Place {
	p.page.t.Helper()
	p.Settled()
	return p
}

func (p *Place) still(ms int) (x, y float64) {
	p.page.t.Helper()
	p.page.do(p.Name+" lies still", func(ctx context.Context, tab *chromedp.Target) error {
		element, err := cdp.Call(ctx, tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: p.node})
		if err != nil {
			return err
		}
		yes := true
		r, err := cdp.Call(ctx, tab, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
			FunctionDeclaration: aims, ObjectID: element.Object.ObjectID, ReturnByValue: &yes, AwaitPromise: &yes,
			Arguments: []*runtime.CallArgument{{Value: []byte(strconv.Itoa(ms))}},
		})
		if err != nil {
			return err
		}
		var there []float64
		if err := json.Unmarshal(r.Result.Value, &there); err != nil {
			return err
		}
		if len(there) != 2 {
			return fmt.Errorf("it is gone, or has no place in the window")
		}
		x, y = there[0], there[1]
		return nil
	})
	return x, y
}

// Point moves the mouse to the middle of it as soon as it has been aimed at, and gives where that is.
func (p *Place) Point() (x, y float64) {
	p.page.t.Helper()
	x, y = p.Settled()
	p.page.MoveMouse(x, y)
	return x, y
}

// Click points at the middle of it when it does not move, and presses whatever lies there. Where nobody aims so fast, it is for the test
// to have it Aimed at.
func (p *Place) Click() {
	p.page.t.Helper()
	for x, y := p.still(0); ; {
		p.page.MoveMouse(x, y)
		nowX, nowY := p.still(0)
		if nowX == x && nowY == y {
			p.page.ClickAt(x, y)
			return
		}
		x, y = nowX, nowY
	}
}

// Find waits until a CSS selector finds something, and gives the first.
func (p *Page) Find(selector string) *Place {
	p.t.Helper()
	p.AwaitElement(selector)
	ctx, cancel := p.bounded()
	defer cancel()
	found, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) (*Place, error) {
		element, err := chromedp.Evaluate[*runtime.RemoteObject](`document.querySelector(`+strconv.Quote(selector)+`)`)(ctx, tab)
		if err != nil {
			return nil, err
		}
		d, err := cdp.Call(ctx, tab, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: element.ObjectID})
		if err != nil {
			return nil, err
		}
		return &Place{page: p, node: d.Node.BackendNodeID, Name: selector}, nil
	})
	p.must("find "+selector, err)
	return found
}
