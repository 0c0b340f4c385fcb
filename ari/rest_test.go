package ari

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"supervisiond/test/ports"
)

// request is what a fake has been asked.
type request struct{ method, uri, body string }

// ask runs one request against a server that answers as given.
func ask(t *testing.T, status int, answer string, do func(*Client) error) (request, error) {
	t.Helper()
	var got request
	f := newFakeARI(t)
	f.rest = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.RequestURI, string(body)}
		if user, password, _ := r.BasicAuth(); user != "supervisiond" || password != fakePassword {
			t.Errorf("credentials %q %q", user, password)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}
	c, err := NewClient(f.server())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return got, do(c)
}

func TestRequests(t *testing.T) {
	ctx := t.Context()
	for name, tc := range map[string]struct {
		do   func(*Client) error
		want request
	}{
		"subscribe": {
			func(c *Client) error { return c.Subscribe(ctx, "supervision", "channel:", "endpoint:") },
			request{"POST", "/ari/applications/supervision/subscription?eventSource=channel%3A%2Cendpoint%3A", ""},
		},
		"filter": {
			func(c *Client) error { return c.SetEventFilter(ctx, "supervision", []string{"Dial", "StasisStart"}) },
			request{"PUT", "/ari/applications/supervision/eventFilter", `{"allowed":[{"type":"Dial"},{"type":"StasisStart"}]}`},
		},
		"continue": {
			func(c *Client) error { return c.Continue(ctx, "pbx-1.2", "supervision-pickup", "tpbx-1.3&pbx-1.4", 1) },
			request{"POST", "/ari/channels/pbx-1.2/continue?context=supervision-pickup&extension=tpbx-1.3%26pbx-1.4&priority=1", ""},
		},
		"hang up": {
			func(c *Client) error { return c.Hangup(ctx, "../a b+c/d?e#f%", 21) },
			request{"DELETE", "/ari/channels/..%2Fa%20b%2Bc%2Fd%3Fe%23f%25?reason_code=21", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got request
			_, err := ask(t, http.StatusNoContent, "", func(c *Client) error {
				transport := c.http.Transport
				c.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Body != nil {
						b, _ := io.ReadAll(r.Body)
						got.body = string(b)
						r.Body = io.NopCloser(strings.NewReader(got.body))
					}
					got.method, got.uri = r.Method, r.URL.RequestURI()
					return transport.RoundTrip(r)
				})
				return tc.do(c)
			})
			if err != nil || got != tc.want {
				t.Errorf("got %+v, want %+v; %v", got, tc.want, err)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnswers(t *testing.T) {
	ctx := t.Context()
	read := func(name string) string {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, err := ask(t, 200, read("info.json"), func(c *Client) error {
		info, err := c.Info(ctx)
		if err == nil && !strings.HasPrefix(info.SystemInfo.Version, "22.10.1") {
			t.Errorf("version %q", info.SystemInfo.Version)
		}
		return err
	})
	_, err2 := ask(t, 200, read("endpoints.json"), func(c *Client) error {
		list, err := c.Endpoints(ctx)
		if len(list) != 8 || list[3].Technology != "PJSIP" || list[3].Resource != "105" || list[3].State != "online" {
			t.Errorf("endpoints %+v", list)
		}
		return err
	})
	_, err3 := ask(t, 200, read("channels.json"), func(c *Client) error {
		list, err := c.channels(ctx)
		if len(list) == 0 {
			t.Error("no channels")
		}
		return err
	})
	_, err4 := ask(t, 200, `{"value":"prohib_passed_screen"}`, func(c *Client) error {
		value, err := c.ChannelVariable(ctx, "1.1", "CALLERID(pres)")
		if value != "prohib_passed_screen" {
			t.Errorf("value %q", value)
		}
		return err
	})
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Error(err)
	}
}

func TestRequestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   ErrorCode
		text   string
	}{
		"wrong password": {401, `{"message":"Authentication required"}`, BadCredentials, "ari.conf"},
		"read-only user": {403, `{"message":"Write access denied"}`, ReadOnly, "read_only = no"},
		"ACL":            {403, `{"message":"Access denied by ACL"}`, Forbidden, "permit"},
		"no channel":     {404, `{"message":"Channel not found"}`, NotFound, "Channel not found"},
		"no ARI":         {404, `<html>Not Found</html>`, NoARI, "enabled = yes"},
		"not in it":      {409, `{"message":"Channel not in Stasis application"}`, Conflict, "application"},
		"ringing":        {412, `{"message":"Channel in invalid state"}`, WrongState, "state"},
		"nonsense":       {422, `{"message":"Event source not found"}`, BadRequest, "Event source"},
		"fault":          {500, `{"error":"Allocation failed"}`, PBXFault, "Allocation failed"},
		"booting":        {503, `{"message":"Asterisk not booted"}`, Booting, "starting"},
		"redirect":       {301, ``, BadAnswer, "elsewhere"},
		"not JSON":       {200, `<html>`, BadAnswer, "asterisk.ari.url"},
		"a log forged":   {500, `{"message":"a\nlevel=ERROR b"}`, PBXFault, "a level=ERROR b"},
		"a long story":   {500, `{"message":"` + strings.Repeat("ä", 5000) + `"}`, PBXFault, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, tc.status, tc.body, func(c *Client) error {
				_, err := c.ChannelVariable(t.Context(), "1.1", "CALLERID(pres)")
				return err
			})
			checkError(t, err, tc.want)
			if !strings.Contains(err.Error(), tc.text) || len(err.Error()) > 700 {
				t.Errorf("the error does not tell %q: %v", tc.text, err)
			}
		})
	}
}

func TestNoConnection(t *testing.T) {
	info := func(ctx context.Context, s Server) error {
		c, err := NewClient(s)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Info(ctx)
		return err
	}
	at := func(url string) Server {
		return Server{URL: url + "/ari", Username: "supervisiond", Password: fakePassword}
	}

	checkError(t, info(t.Context(), at("http://"+ports.Address(t))), Refused)
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer rude.Close()
	checkError(t, info(t.Context(), at(rude.URL)), Unreachable)

	encrypted := httptest.NewUnstartedServer(http.NotFoundHandler())
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0)
	encrypted.StartTLS()
	defer encrypted.Close()
	checkError(t, info(t.Context(), at(encrypted.URL)), BadTLS)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	checkError(t, info(t.Context(), at(strings.Replace(plain.URL, "http:", "https:", 1))), BadTLS)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := info(ctx, deafServer(t))
	checkError(t, err, TimedOut)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v hides its cause", err)
	}
	gone, end := context.WithCancel(t.Context())
	end()
	if err := info(gone, deafServer(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v hides its cause", err)
	}
}

func TestNewClientChecksTheServer(t *testing.T) {
	for _, s := range []Server{
		{}, {URL: "127.0.0.1:8088"}, {URL: "ftp://pbx/ari"}, {URL: "http:///ari"}, {URL: "http://u:hush@pbx/ari"},
		{URL: "http://pbx/ari?api_key=u:hush"}, {URL: "https://pbx/ari", CAFile: "testdata/nothing.pem"},
		{URL: "https://pbx/ari", CAFile: "testdata/info.json"}, {URL: "http://hush\x00/"},
	} {
		if _, err := NewClient(s); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "asterisk.ari") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	c, err := NewClient(Server{URL: "http://pbx:8088/prefix/ari/"})
	if err != nil || c.base != "http://pbx:8088/prefix/ari" {
		t.Errorf("base %v, %v", c, err)
	}
}
