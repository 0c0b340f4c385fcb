package acceptance

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// ariProxy stands between the daemon and ARI, and can hold requests back: a PBX that is slow when a test wants it.
type ariProxy struct {
	mu    sync.Mutex
	holds func(*http.Request) bool
	held  chan struct{} // closed when the first request is held
	goOn  chan struct{}
}

// startARIProxy gives a proxy, and the address at which it stands for a PBX.
func startARIProxy(t *testing.T, ari string) (*ariProxy, string) {
	t.Helper()
	to, err := url.Parse(ari)
	if err != nil {
		t.Fatal(err)
	}
	p := new(ariProxy)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: to.Scheme, Host: to.Host})
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.wait(r)
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		p.release()
		server.CloseClientConnections()
		server.Close()
	})
	return p, server.URL + to.Path
}

// hold holds back the requests that are asked for until release, and gives what is closed when there is one.
func (p *ariProxy) hold(which func(*http.Request) bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds, p.held, p.goOn = which, make(chan struct{}), make(chan struct{})
	return p.held
}

func (p *ariProxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds != nil {
		p.holds = nil
		close(p.goOn)
	}
}

// wait returns when a request may go on, or when nobody waits for its answer any more.
func (p *ariProxy) wait(r *http.Request) {
	p.mu.Lock()
	if p.holds == nil || !p.holds(r) {
		p.mu.Unlock()
		return
	}
	select {
	case <-p.held:
	default:
		close(p.held)
	}
	goOn := p.goOn
	p.mu.Unlock()
	select {
	case <-goOn:
	case <-r.Context().Done():
	}
}
