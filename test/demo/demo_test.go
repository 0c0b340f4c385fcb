package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"supervisiond/test/chrome"
)

func TestMain(m *testing.M) {
	code := m.Run()
	chrome.Stop()
	os.Exit(code)
}

// terminal is what the demo writes to, and who waits for it to say something.
type terminal struct {
	mu    sync.Mutex
	text  string
	wrote chan struct{} // closed and replaced at each writing
}

func (o *terminal) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text += string(b)
	close(o.wrote)
	o.wrote = make(chan struct{})
	return len(b), nil
}

// printed is all until now, and what is closed when there is more.
func (o *terminal) printed() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text, o.wrote
}

// find waits until something is printed, and gives it with its groups.
func (o *terminal) find(ctx context.Context, t *testing.T, what string) []string {
	t.Helper()
	for pattern := regexp.MustCompile(what); ; {
		text, wrote := o.printed()
		if m := pattern.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-wrote:
		case <-ctx.Done():
			t.Fatalf("%s is not printed:\n%s", what, text)
		}
	}
}

// Who knows nothing but what the demo prints has picked up a call in the browser within a minute. Meanwhile the scenes go on,
// and README.md shows what was printed.
func TestANewcomerPicksUpACallWithinAMinute(t *testing.T) {
	out := &terminal{wrote: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- demo(ctx, out, false) }()
	minute, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	address := out.find(minute, t, `http://[0-9.:]+/`)[0]
	user := out.find(minute, t, `\n *user *password\n *(\S+) *(\S+)`)
	p := chrome.Open(t, chrome.Options{})
	p.Go(address)
	p.Type(`input[autocomplete="username"]`, user[1])
	p.Type(`input[autocomplete="current-password"]`, user[2]+chrome.Enter)
	p.Await("region", "Supervised calls").Await("listitem", "Reception", "Pick up").Await("button", "Pick up").Aimed().Click()
	p.Reads("You have the call for ")
	out.find(minute, t, user[1]+` picked up (Dr. Weiß|Bakery Krüger|Lena Vogel)'s call for \S+ after \S+ s, in the browser`)

	for _, what := range []string{"emil picked up .*, by phone", "carla answered ", "ring group 700"} {
		out.find(minute, t, what)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the demo: %v", err)
	}
	printed, _ := out.printed()
	shown(t, printed)
}

// changes is what differs from run to run: times, ports, who was the first from outside, whose phone was the first of a
// ring group, and how many calls there were.
var changes = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`), "TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`after \d+\.\d s`), "after SECONDS"},
	{regexp.MustCompile(`(Dr. Weiß|Bakery Krüger|Lena Vogel)( \+\d+ calls \d+)?`), "SOMEBODY"},
	{regexp.MustCompile(`\b(igor|julia)\b`), "MEMBER"},
	{regexp.MustCompile(`: [a-z, ]+ rings, ring group`), ": WHO rings, ring group"},
	{regexp.MustCompile(`(?m)^\d+ calls rang, \d+ were`), "MANY"},
}

func steady(text string) string {
	for _, c := range changes {
		text = c.pattern.ReplaceAllString(text, c.by)
	}
	return text
}

// shown proves that the demo has printed each line of it that README.md shows.
func shown(t *testing.T, printed string) {
	t.Helper()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```text demo\n")
	block, _, closed := strings.Cut(block, "```\n")
	if !closed {
		t.Fatal("README.md shows nothing of the demo")
	}
	lines := "\n" + steady(printed)
	for line := range strings.Lines(block) {
		if line != "...\n" && !strings.Contains(lines, "\n"+steady(line)) {
			t.Errorf("README.md shows what the demo does not print: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("it printed:\n%s", printed)
	}
}
