package push

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// What is an address of the Internet, and what only looks like one.
func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "142.250.1.1": true, "17.188.0.1": true, "2001:4860:4860::8888": true, "2a00:1450:4001::1": true,
		"::ffff:8.8.8.8": true, "64:ff9b::8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "127.255.0.1": false, "10.0.0.1": false, "172.16.0.1": false,
		"172.31.255.255": false, "192.168.1.1": false, "100.64.0.1": false, "100.127.255.255": false, "169.254.169.254": false,
		"192.0.0.1": false, "192.0.2.1": false, "192.88.99.1": false, "198.18.0.1": false, "198.19.0.1": false, "198.51.100.1": false,
		"203.0.113.1": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::8.8.8.8": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false,
		"ff02::1": false, "fec0::1": false, "2001:db8::1": false, "2001::1": false, "2002:7f00:1::": false, "3fff::1": false, "5f00::1": false,
		"100::1": false, "4000::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:100.64.0.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::8.8.8.8": false,
	} {
		if public(netip.MustParseAddr(text)) != want {
			t.Errorf("%s: %v", text, !want)
		}
		if err := publicOnly("tcp", net.JoinHostPort(text, "443")); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, address := range []string{"", "8.8.8.8", "example.com:443", ":443"} {
		if publicOnly("tcp", address) == nil {
			t.Errorf("%q is dialled", address)
		}
	}
}

// Which endpoints may be subscribed, where the administrator has named no push service and where they have.
func TestEndpoints(t *testing.T) {
	house := allowed{[]string{"https://push.house.local:8443", "https://10.0.0.7"}}
	for endpoint, want := range map[string][2]bool{ // any, house
		"https://fcm.googleapis.com/fcm/send/abc:APA91b":                 {true, false},
		"https://updates.push.services.mozilla.com/wpush/v2/gAAAA":       {true, false},
		"https://web.push.apple.com/QG":                                  {true, false},
		"https://db5.notify.windows.com/w/?token=BQYAAA%2b":              {true, false},
		"https://fcm.googleapis.com:443/x":                               {true, false},
		"https://push.house.local:8443/x":                                {false, true},
		"https://PUSH.house.local:8443/x":                                {false, true},
		"https://10.0.0.7/x":                                             {false, true},
		"https://10.0.0.7:443/x":                                         {false, true},
		"https://10.0.0.7:444/x":                                         {false, false},
		"https://push.house.local/x":                                     {false, false},
		"http://fcm.googleapis.com/x":                                    {false, false},
		"https://fcm.googleapis.com:8443/x":                              {false, false},
		"https://user:secret@fcm.googleapis.com/x":                       {false, false},
		"https://push.house.local:8443@evil.example/x":                   {false, false},
		"https://fcm.googleapis.com/x#y":                                 {false, false},
		"https://fcm.googleapis.com/\r\nX: y":                            {false, false},
		"https://fcm.googleapis.com/ü":                                   {false, false},
		"https:fcm.googleapis.com":                                       {false, false},
		"https:///x":                                                     {false, false},
		"":                                                               {false, false},
		"fcm.googleapis.com":                                             {false, false},
		"https://fcm.googleapis.com/" + strings.Repeat("x", maxEndpoint): {false, false},
		"https://localhost/x":                                            {false, false},
		"https://a.localhost/x":                                          {false, false},
		"https://intranet/x":                                             {false, false},
		"https://printer.local./x":                                       {false, false},
		"https://127.0.0.1/x":                                            {false, false},
		"https://169.254.169.254/latest/meta-data":                       {false, false},
		"https://[::1]/x":                                                {false, false},
		"https://[::ffff:127.0.0.1]/x":                                   {false, false},
		"https://[fe80::1%25eth0]/x":                                     {false, false},
	} {
		for i, a := range []allowed{{}, house} {
			if err := a.check(endpoint); (err == nil) != want[i] {
				t.Errorf("%q, %d: %v", endpoint, i, err)
			}
		}
	}
}

// aliases answers every question for an address with those given, in turn: it is DNS as somebody may have it who rebinds a name.
func aliases(t *testing.T, list ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var n atomic.Int32
	go func() {
		for buffer := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:size]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			ip := netip.MustParseAddr(list[int(n.Add(1)-1)%len(list)])
			head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
			switch {
			case q.Type == dnsmessage.TypeA && ip.Is4():
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}}}
			case q.Type == dnsmessage.TypeAAAA && ip.Is6():
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name may be anything when it is subscribed: what counts is the address that is dialled.
func TestNamesAreJudgedWhenDialled(t *testing.T) {
	reached := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer reached.Close()
	_, port, err := net.SplitHostPort(reached.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := (allowed{}).check("https://push.rebound.example/x"); err != nil {
		t.Fatal(err)
	}
	for _, ip := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		client := newClient(allowed{})
		chooserOf(t, client, aliases(t, ip))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://push.rebound.example:"+port+"/x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, errNotPublic) {
			t.Errorf("%s: %v", ip, err)
		}
		cancel()
	}
}

// chooserOf has a client ask another resolver.
func chooserOf(t *testing.T, client *http.Client, r *net.Resolver) {
	t.Helper()
	c, ok := client.Transport.(*chooser)
	if !ok {
		t.Fatalf("the client is made of %T", client.Transport)
	}
	d := guardedDialer()
	d.Resolver = r
	c.guarded.DialContext = d.DialContext
}

// A proxy of the environment is the administrator's, and may be anywhere. What is listed is asked wherever it is.
func TestProxyIsUsed(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "")
	client := newClient(allowed{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://push.example.com/x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err == nil {
		resp.Body.Close()
	}
	if asked.Load() != "CONNECT push.example.com:443" {
		t.Errorf("the proxy was asked %v (%v)", asked.Load(), err)
	}
}

func TestOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://PUSH.example:443/x?y": "https://push.example", "https://push.example:8443": "https://push.example:8443", "https://[2001:DB8::1]:443/": "https://[2001:db8::1]",
	} {
		u, err := url.Parse(text)
		if err != nil || Origin(u) != want {
			t.Errorf("%s: %s (%v)", text, Origin(u), err)
		}
	}
}
