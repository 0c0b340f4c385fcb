package chrome

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

const sample = `<!doctype html><html lang="en"><title>(1) sample</title>
<h1>Calls</h1><ul><li>Fatma 106 <button onclick="this.parentElement.remove()">Pick up</button></li>
<li>Georg 107 <button disabled>Pick up</button></li><li hidden>Julia 110</li></ul>
<input aria-label="Search" id="search" oninput="document.title = this.value">`

// What the tests of the console rely on: what is hidden is not found, what is clicked gets the click.
func TestPage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(sample))
	}))
	defer server.Close()
	p := Open(t, Options{Width: 360, Height: 640, Dark: true, Language: "de"})
	p.Go(server.URL)
	p.AwaitTitle("(1)")
	p.Gone("listitem", "Julia")
	if all := p.All("button", "Pick up"); len(all) != 2 {
		t.Errorf("%d buttons", len(all))
	}
	if b := p.Await("listitem", "Georg", "107").Await("button"); b.States["disabled"] != "true" || b.Name != "Pick up" {
		t.Errorf("%+v", b)
	}
	p.Await("listitem", "Fatma").Await("button", "Pick up").Click()
	p.Gone("listitem", "Fatma")
	p.ReadsNot("Fatma")
	p.Reads("Georg")
	p.Type("#search", "abc")
	p.AwaitTitle("abc")
	p.Press("d" + Enter)
	p.AwaitTitle("abcd")
	if got := Eval[[]any](p, `[innerWidth, matchMedia("(prefers-color-scheme: dark)").matches, navigator.language]`); got[0] != 360.0 || got[1] != true || got[2] != "de" {
		t.Errorf("the window is %v", got)
	}
	p.Shot("sample")
}

// Each page has a browser of its own, and complains to whom it belongs.
func TestPagesAreApart(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		_, _ = w.Write([]byte(`<!doctype html><title>x</title><script>document.title = "y"</script>`))
	}))
	defer server.Close()
	a, b := Open(t, Options{}), Open(t, Options{})
	a.Go(server.URL)
	b.Go(server.URL)
	Eval[bool](a, `document.cookie = "a=1"; true`)
	if cookie := Eval[string](b, `document.cookie`); cookie != "" {
		t.Errorf("it has the cookie %s of another", cookie)
	}
	if a.Title() != "x" {
		t.Error("the script has run")
	}
	for _, p := range []*Page{a, b} {
		p.until("it complains", func() bool { return len(p.Complaints()) == 1 })
		p.Forgive("Content Security Policy")
	}
}

// Whatever breaks a page's Content Security Policy fails its test, also where the page itself goes on as if nothing were.
func TestPolicyIsKept(t *testing.T) {
	t.Parallel()
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
	breaks := map[string]string{
		"style": `document.body.setAttribute("style", "color: red")`, "handler": `document.body.setAttribute("onclick", "1")`,
		"eval": `try { eval("1") } catch {}`, "picture": `new Image().src = "http://127.0.0.1:9/x.png"`,
		"fetch": `fetch("http://127.0.0.1:9/").catch(() => {})`, "script": `document.body.append(Object.assign(document.createElement("script"), {textContent: "1"}))`,
		"frame": `document.body.append(Object.assign(document.createElement("iframe"), {src: "/"}))`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<!doctype html><title>x</title><body><script src="/x.js?` + r.URL.RawQuery + `"></script>`))
		default:
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(breaks[r.URL.RawQuery]))
		}
	}))
	defer server.Close()
	complains := func(p *Page, what string) {
		p.until("it complains: "+what, func() bool { return len(p.Complaints()) > 0 })
		p.Forgive("Content Security Policy")
	}
	for name := range breaks {
		p := Open(t, Options{})
		p.Go(server.URL + "/?" + name)
		complains(p, name)
	}
	p := Open(t, Options{})
	p.Go(server.URL + "/?none")
	Eval[bool](p, `navigator.serviceWorker.register("/sw.js?fetch").then(() => navigator.serviceWorker.ready).then(() => true)`)
	InWorker[bool](p, server.URL, `true`)
	complains(p, "the worker")
}
