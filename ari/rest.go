package ari

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	ariv5 "github.com/CyCoreSystems/ari/v5"
)

const (
	// requestTimeout bounds a request whose context has no deadline. Asterisk answers within milliseconds, or is in
	// trouble.
	requestTimeout = 5 * time.Second
	// maxAnswer bounds what is read of an answer. A thousand channels make about a megabyte.
	maxAnswer = 64 << 20
	// idleTimeout is shorter than the 15 s after which Asterisk closes an idle connection (session_keep_alive in
	// http.conf), so that a pickup never meets a connection that is just being closed.
	idleTimeout = 10 * time.Second
)

// Server says where an Asterisk's ARI is and who asks.
type Server struct {
	URL                string // http://127.0.0.1:8088/ari
	Username, Password string
	// CAFile holds the authorities trusted for an https URL. Empty: the system's.
	CAFile string
}

// base checks the URL and takes out what does not belong into it.
func (s *Server) base() (*url.URL, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("asterisk.ari.url is not a URL such as http://127.0.0.1:8088/ari")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("asterisk.ari.url must hold no user, password or query; use asterisk.ari.username and password_file")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// transport makes connections that trust what CAFile says. No proxy: the PBX is nearby, and events must not take ways
// that an environment variable meant for web pages lays out.
func (s *Server) transport() (*http.Transport, error) {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: requestTimeout}).DialContext,
		TLSHandshakeTimeout: requestTimeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     idleTimeout,
	}
	if s.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("asterisk.ari.tls.ca_file: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("asterisk.ari.tls.ca_file: %s holds no certificate in PEM form", s.CAFile)
	}
	return t, nil
}

func (s *Server) client() (*http.Client, error) {
	t, err := s.transport()
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: t,
		// The password goes to the server that the administrator named, and nowhere that an answer points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// Client asks Asterisk, and tells it, over HTTP. It is safe for concurrent use. Each method takes as long as its context
// allows, 5 s if that has no deadline. All errors of requests are of type *Error.
type Client struct {
	server Server
	base   string
	http   *http.Client
}

// NewClient makes a client; it does not connect.
func NewClient(s Server) (*Client, error) {
	base, err := s.base()
	if err != nil {
		return nil, err
	}
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	return &Client{server: s, base: base.String(), http: c}, nil
}

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Info asks which Asterisk this is.
func (c *Client) Info(ctx context.Context) (*ariv5.AsteriskInfo, error) {
	info := new(ariv5.AsteriskInfo)
	if err := c.get(ctx, "/asterisk/info", nil, info); err != nil {
		return nil, err
	}
	return info, nil
}

// channels lists all channels.
func (c *Client) channels(ctx context.Context) ([]channel, error) {
	const path = "/channels"
	body, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	list, err := decodeChannels(body)
	if err != nil {
		return nil, &Error{Method: http.MethodGet, Path: path, Status: http.StatusOK, Code: BadAnswer, err: err}
	}
	return list, nil
}

// Endpoints lists all endpoints, such as PJSIP/102.
func (c *Client) Endpoints(ctx context.Context) ([]ariv5.EndpointData, error) {
	var list []ariv5.EndpointData
	err := c.get(ctx, "/endpoints", nil, &list)
	return list, err
}

// sorcery reads an object of pjsip.conf, such as an endpoint, as far as the PBX shows it.
func (c *Client) sorcery(ctx context.Context, kind, id string) (map[string]string, error) {
	var list []struct{ Attribute, Value string }
	err := c.get(ctx, "/asterisk/config/dynamic/res_pjsip/"+kind+"/"+segment(id), nil, &list)
	object := make(map[string]string, len(list))
	for _, a := range list {
		object[a.Attribute] = a.Value
	}
	return object, err
}

// Subscribe lets events of sources reach an application whose websocket is open. "channel:", "bridge:" and "endpoint:"
// mean all of them.
func (c *Client) Subscribe(ctx context.Context, app string, sources ...string) error {
	_, err := c.do(ctx, http.MethodPost, "/applications/"+segment(app)+"/subscription",
		url.Values{"eventSource": {strings.Join(sources, ",")}}, nil)
	return err
}

// SetEventFilter lets only events of these types reach an application whose websocket is open.
func (c *Client) SetEventFilter(ctx context.Context, app string, allowed []string) error {
	type name struct {
		Type string `json:"type"`
	}
	filter := struct {
		Allowed []name `json:"allowed"`
	}{}
	for _, t := range allowed {
		filter.Allowed = append(filter.Allowed, name{t})
	}
	_, err := c.do(ctx, http.MethodPut, "/applications/"+segment(app)+"/eventFilter", nil, filter)
	return err
}

// Continue sends a channel that is in an application on into the dialplan. Asterisk does not say whether that extension
// exists.
func (c *Client) Continue(ctx context.Context, channelID, dialplanContext, exten string, priority int) error {
	_, err := c.do(ctx, http.MethodPost, "/channels/"+segment(channelID)+"/continue", url.Values{
		"context": {dialplanContext}, "extension": {exten}, "priority": {strconv.Itoa(priority)},
	}, nil)
	return err
}

// Snoop makes a channel that hears what comes in on another.
func (c *Client) Snoop(ctx context.Context, channelID, snoopID, app string) error {
	_, err := c.do(ctx, http.MethodPost, "/channels/"+segment(channelID)+"/snoop",
		url.Values{"snoopId": {snoopID}, "app": {app}, "spy": {"in"}}, nil)
	return err
}

// Hangup ends a channel with a cause of Q.850.
func (c *Client) Hangup(ctx context.Context, channelID string, cause int) error {
	_, err := c.do(ctx, http.MethodDelete, "/channels/"+segment(channelID),
		url.Values{"reason_code": {strconv.Itoa(cause)}}, nil)
	return err
}

// ChannelVariable reads a variable or a function, such as CALLERID(pres), of any channel. A variable that is not set is
// NotFound.
func (c *Client) ChannelVariable(ctx context.Context, channelID, name string) (string, error) {
	var answer struct {
		Value string `json:"value"`
	}
	err := c.get(ctx, "/channels/"+segment(channelID)+"/variable", url.Values{"variable": {name}}, &answer)
	return answer.Value, err
}

// SetChannelVariable writes a variable, or calls a function that writes, of a channel in the application.
func (c *Client) SetChannelVariable(ctx context.Context, channelID, name, value string) error {
	_, err := c.do(ctx, http.MethodPost, "/channels/"+segment(channelID)+"/variable",
		url.Values{"variable": {name}, "value": {value}}, nil)
	return err
}

// devicePrefix is before the names of device states that ARI may write.
const devicePrefix = "Stasis:"

// stasisStates lists the device states that were written through ARI, by name, whoever wrote them.
func (c *Client) stasisStates(ctx context.Context) (map[string]string, error) {
	var list []struct {
		Name  string `json:"name"`
		State string `json:"state"`
	}
	if err := c.get(ctx, "/deviceStates", nil, &list); err != nil {
		return nil, err
	}
	states := make(map[string]string, len(list))
	for _, d := range list {
		states[strings.TrimPrefix(d.Name, devicePrefix)] = d.State
	}
	return states, nil
}

// setStasisState writes a device state. Asterisk keeps it over restarts.
func (c *Client) setStasisState(ctx context.Context, name, state string) error {
	_, err := c.do(ctx, http.MethodPut, "/deviceStates/"+segment(devicePrefix+name), url.Values{"deviceState": {state}}, nil)
	return err
}

// segment escapes a part of a path. Asterisk reads + as a space even there.
func segment(s string) string { return strings.ReplaceAll(url.PathEscape(s), "+", "%2B") }

func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &Error{Method: http.MethodGet, Path: path, Status: http.StatusOK, Code: BadAnswer, err: err}
	}
	return nil
}

// do makes a request. Its path is escaped already.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, send any) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		ctx = limited
	}
	req, err := c.request(ctx, method, path, query, send)
	if err != nil {
		return nil, &Error{Method: method, Path: path, Code: Unreachable, err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportError(method, path, req.URL.Host, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, transportError(method, path, req.URL.Host, err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, statusError(method, path, resp.StatusCode, body)
	case len(body) > maxAnswer:
		return nil, &Error{Method: method, Path: path, Status: resp.StatusCode, Code: BadAnswer,
			err: fmt.Errorf("it is longer than %d MiB", maxAnswer>>20)}
	}
	return body, nil
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, send any) (*http.Request, error) {
	var body io.Reader
	if send != nil {
		b, err := json.Marshal(send)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(c.server.Username, c.server.Password)
	if send != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}
