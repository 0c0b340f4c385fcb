package chrome

import (
	"bytes"
	"context"
	"image"
	"image/png"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Freeze stops the page as a browser does with a tab that nobody has looked at for long: none of its timers, tasks and reads
// goes on, until Thaw.
func (p *Page) Freeze() {
	p.t.Helper()
	p.lifecycle("freeze", page.SetWebLifecycleStateStateFrozen)
}

// Wake lets a frozen page go on, behind others.
func (p *Page) Wake() {
	p.t.Helper()
	p.lifecycle("wake", page.SetWebLifecycleStateStateActive)
}

// Thaw lets a frozen page go on, because it is looked at.
func (p *Page) Thaw() {
	p.t.Helper()
	p.Wake()
	p.do("look at it", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})
}

func (p *Page) lifecycle(what string, state page.SetWebLifecycleStateState) {
	p.t.Helper()
	p.do(what, func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
		return err
	})
}

// Resize gives the window another size, in CSS pixels.
func (p *Page) Resize(width, height int64) {
	p.t.Helper()
	p.do("resize the window", func(ctx context.Context, tab *chromedp.Target) error {
		window := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1}
		_, err := cdp.Call(ctx, tab, emulation.SetDeviceMetricsOverride, window)
		return err
	})
}

// Picture is what is in the window, as WebP with a quality of up to 100.
func (p *Page) Picture(quality int64) []byte {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	picture, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) ([]byte, error) {
		r, err := cdp.Call(ctx, tab, page.CaptureScreenshot, page.CaptureScreenshotParams{
			Format: page.CaptureScreenshotFormatWebp, Quality: &quality,
		})
		if err != nil {
			return nil, err
		}
		return r.Data, nil
	})
	p.must("picture", err)
	return picture
}

// Image is what is seen of an element, four times as large as it is.
func (p *Place) Image() image.Image {
	p.page.t.Helper()
	x, y := p.still(0)
	var seen image.Image
	p.page.do("look at "+p.Name, func(ctx context.Context, tab *chromedp.Target) error {
		box, err := cdp.Call(ctx, tab, dom.GetBoxModel, dom.GetBoxModelParams{BackendNodeID: p.node})
		if err != nil {
			return err
		}
		scrolled, err := chromedp.Evaluate[[2]float64](`[scrollX, scrollY]`)(ctx, tab)
		if err != nil {
			return err
		}
		width, height := float64(box.Model.Width), float64(box.Model.Height)
		r, err := cdp.Call(ctx, tab, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, Clip: &page.Viewport{
			X: x - width/2 + scrolled[0], Y: y - height/2 + scrolled[1], Width: width, Height: height, Scale: 4,
		}})
		if err != nil {
			return err
		}
		seen, err = png.Decode(bytes.NewReader(r.Data))
		return err
	})
	return seen
}

func (p *Page) do(what string, f func(context.Context, *chromedp.Target) error) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	p.must(what, chromedp.Do(ctx, chromedp.Func(f)))
}

// MoveMouse moves it to a place in the window, in CSS pixels.
func (p *Page) MoveMouse(x, y float64) {
	p.t.Helper()
	p.do("move the mouse", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x, Y: y})
		return err
	})
}

// ClickAt presses what lies at a place in the window, in CSS pixels.
func (p *Page) ClickAt(x, y float64) {
	p.t.Helper()
	p.do("click", func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.MouseClickXY(x, y)(ctx, tab)
		return err
	})
}

// Scroll moves what lies in the middle of the window by so many CSS pixels, down or up, as fast as a person does with a wheel. It
// gives when that is done.
func (p *Page) Scroll(pixels, perSecond int64) {
	p.t.Helper()
	p.do("scroll", func(ctx context.Context, tab *chromedp.Target) error {
		middle, err := chromedp.Evaluate[[2]float64](`[innerWidth / 2, innerHeight * 0.8]`)(ctx, tab)
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, tab, input.SynthesizeScrollGesture, input.SynthesizeScrollGestureParams{
			X: middle[0], Y: middle[1], YDistance: float64(-pixels), Speed: perSecond, GestureSourceType: input.GestureSourceTypeMouse,
		})
		return err
	})
}

// TapAt touches what lies at a place in the window, in CSS pixels, with a finger.
func (p *Page) TapAt(x, y float64) {
	p.t.Helper()
	p.do("tap", func(ctx context.Context, tab *chromedp.Target) error {
		for _, e := range []input.DispatchTouchEventParams{
			{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}},
			{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}},
		} {
			if _, err := cdp.Call(ctx, tab, input.DispatchTouchEvent, e); err != nil {
				return err
			}
		}
		return nil
	})
}
