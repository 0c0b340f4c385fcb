package console

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Report takes what a diagnosis finds. What says how it is, mend what the administrator can do about it.
type Report interface {
	Pass(what string)
	Warn(what, mend string)
	Fail(what, mend string)
}

// Diagnosis is what Diagnose is to try.
type Diagnosis struct {
	Site   string
	Listen string // host:port
	TLS    bool
}

// Found is what a diagnosis finds of a daemon that answers at the address.
type Found struct {
	// Running says that a daemon of this site is there, and Ready by name what it has of what it needs.
	Running bool
	Ready   map[string]bool
	// Unseen says that it cannot be told whether one is there.
	Unseen bool
}

const (
	// diagnoseTime bounds a diagnosis.
	diagnoseTime = 3 * time.Second
	// longestReady is more than an answer of /readyz ever has.
	longestReady = 4 << 10
)

// Diagnose finds out whether the address is free, or who has it.
func Diagnose(ctx context.Context, o Diagnosis, r Report) Found {
	ctx, cancel := context.WithTimeout(ctx, diagnoseTime)
	defer cancel()
	what := "http.listen " + o.Listen
	if !o.TLS && !onlyFromHere(o.Listen) {
		r.Warn(what+": passwords and sessions go over the network in the clear",
			"set http.tls, or listen on 127.0.0.1 behind a proxy that speaks TLS")
	}
	if _, port, _ := net.SplitHostPort(o.Listen); port == "0" {
		r.Pass(what + ": any free port; whether a daemon runs cannot be told")
		return Found{Unseen: true}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	switch {
	case err == nil:
		_ = l.Close()
		r.Pass(what + ": free; no daemon runs here")
		return Found{}
	case !errors.Is(err, syscall.EADDRINUSE):
		r.Fail(what+" cannot be used: "+reason(err), "choose an address of this machine, and a port above 1023")
		return Found{}
	}
	return ask(ctx, o, what, r)
}

// onlyFromHere says whether an address is reached from this machine alone.
func onlyFromHere(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// ask finds out whether it is the daemon of this site that has the address.
func ask(ctx context.Context, o Diagnosis, what string, r Report) Found {
	site, parts, err := askReady(ctx, o)
	switch {
	case err != nil:
		r.Fail(what+" is taken by another program", "choose another port for http.listen, or stop that program: ss -ltnp says which it is")
		return Found{}
	case site != o.Site:
		r.Fail(what+" is taken by the daemon of the site "+site, "give each daemon an http.listen of its own")
		return Found{}
	}
	var lacks []string
	for name, there := range parts {
		if !there {
			lacks = append(lacks, name)
		}
	}
	slices.Sort(lacks)
	if len(lacks) > 0 {
		r.Warn(what+": the daemon runs and says that it lacks: "+strings.Join(lacks, ", "), "its log says why, and so may what follows")
	} else {
		r.Pass(what + ": the daemon runs and is ready")
	}
	return Found{Running: true, Ready: parts}
}

// askReady gives what a daemon says of itself.
func askReady(ctx context.Context, o Diagnosis) (site string, parts map[string]bool, err error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return "", nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http://"
	if o.TLS {
		scheme = "https://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return "", nil, err
	}
	client := &http.Client{
		// The certificate may name the machine as others see it. Nothing is told to whoever answers.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	site, ours := strings.CutPrefix(resp.Header.Get("Server"), serverName+" (")
	if !ours {
		return "", nil, errors.New("it is no daemon of this program")
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, longestReady)).Decode(&parts); err != nil {
		return "", nil, fmt.Errorf("it does not say whether it is ready: %w", err)
	}
	return strings.TrimSuffix(site, ")"), parts, nil
}

// reason is an error without the operation and the address that are told already.
func reason(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}
