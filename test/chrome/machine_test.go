package chrome

import "testing"

// A finger presses what it touches, as a finger.
func TestTap(t *testing.T) {
	p := Open(t, Options{Width: 360, Height: 640})
	p.Go(`data:text/html,<button style="width:200px;height:200px" onclick="this.dataset.by=event.pointerType">x</button>`)
	x, y := p.Find("button").Settled()
	p.TapAt(x, y)
	p.AwaitTrue(`document.querySelector("button").dataset.by === "touch"`)
}
