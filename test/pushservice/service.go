package pushservice

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// maxMessage is how long a message may be, in bytes: any push service takes 4,096 (RFC 8030, 7.2), but that of Firefox on
	// Android no more than 3,070.
	maxMessage = 3070
	// maxTopic is how long a topic may be (RFC 8030, 5.4).
	maxTopic = 32
)

// Service is a push service. A program that is to trust it takes CAFile as SSL_CERT_FILE, or Client.
type Service struct {
	t      testing.TB
	server *httptest.Server

	mu            sync.Mutex
	last          int
	subscriptions map[string]*Subscription // by name
	faults        []string
}

// Start starts a push service on 127.0.0.1, which ends with the test.
func Start(t testing.TB) *Service {
	t.Helper()
	return start(t, nil)
}

// start starts a service, with a certificate of its own if there is one.
func start(t testing.TB, config *tls.Config) *Service {
	t.Helper()
	s := &Service{t: t, subscriptions: make(map[string]*Subscription)}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.server.TLS = config
	s.server.EnableHTTP2 = true
	s.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // who breaks off says so
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

// Origin is the service's: https://127.0.0.1:port, as http.push.services takes it.
func (s *Service) Origin() string { return s.server.URL }

// Client trusts the service.
func (s *Service) Client() *http.Client { return s.server.Client() }

// CAFile is the authority of the service's certificate, as a file in PEM.
func (s *Service) CAFile() string {
	s.t.Helper()
	name := filepath.Join(s.t.TempDir(), "push-ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	if err := os.WriteFile(name, block, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// Faults are the requests that the service turned away because they break a rule, each with the rule.
func (s *Service) Faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.faults...)
}

func (s *Service) fault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err.Error())
}

// Answer is what the service answers to a request. The zero value takes the message.
type Answer struct {
	Status int // 201 by default
	// Header is sent with it: Retry-After, for instance.
	Header http.Header
	// Wait is awaited before the answer, but no longer than the sender waits.
	Wait <-chan struct{}
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	sub := s.subscriptions[path.Base(r.URL.Path)]
	s.mu.Unlock()
	if sub == nil {
		http.Error(w, "no such subscription", http.StatusNotFound)
		return
	}
	m, status, err := sub.open(r)
	answer := sub.nextAnswer()
	if answer.Wait != nil {
		select {
		case <-answer.Wait:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case answer.Status >= 300:
		status = answer.Status
	case err != nil:
		s.fault(err)
		http.Error(w, err.Error(), status)
		return
	default:
		sub.take(m)
		w.Header().Set("Location", s.server.URL+"/message/"+strconv.Itoa(int(time.Now().UnixNano())))
		status = http.StatusCreated
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
}

// Message is one that the service has taken.
type Message struct {
	At      time.Time
	Body    []byte // decrypted, unless a real browser does that
	TTL     time.Duration
	Urgency string
	Topic   string
	// Length is that of the encrypted body, in bytes.
	Length int
	// Contact, Audience and Expires are what the sender's token says (RFC 8292: sub, aud, exp).
	Contact, Audience string
	Expires           time.Time
}

// open checks a request as RFC 8030 and 8292 have it, and decrypts it. The error is for the sender, with its status.
func (u *Subscription) open(r *http.Request) (Message, int, error) {
	m := Message{At: time.Now(), Urgency: r.Header.Get("Urgency"), Topic: r.Header.Get("Topic")}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	m.Length = len(body)
	ttl, noTTL := strconv.ParseUint(r.Header.Get("TTL"), 10, 31)
	switch {
	case err != nil:
		return m, http.StatusBadRequest, err
	case r.Method != http.MethodPost:
		return m, http.StatusMethodNotAllowed, fmt.Errorf("it is %s, not POST", r.Method)
	case noTTL != nil:
		return m, http.StatusBadRequest, fmt.Errorf("its TTL is %q", r.Header.Get("TTL"))
	case len(m.Topic) > maxTopic || strings.Trim(m.Topic, base64Letters) != "":
		return m, http.StatusBadRequest, fmt.Errorf("its topic is %q", m.Topic)
	case m.Length > maxMessage:
		return m, http.StatusRequestEntityTooLarge, fmt.Errorf("it has %d bytes", m.Length)
	case r.Header.Get("Content-Encoding") != "aes128gcm":
		return m, http.StatusUnsupportedMediaType, fmt.Errorf("its encoding is %q", r.Header.Get("Content-Encoding"))
	}
	m.TTL = time.Duration(ttl) * time.Second
	token, err := readToken(r.Header.Get("Authorization"), u.applicationKey)
	if err == nil {
		m.Contact, m.Audience, m.Expires = token.Contact, token.Audience, time.Unix(token.Expires, 0)
		err = token.good("https://" + r.Host)
	}
	if err != nil {
		return m, http.StatusForbidden, err
	}
	if u.browser != nil {
		m.Body = body
		return m, 0, nil
	}
	if m.Body, err = u.keys.decrypt(body); err != nil {
		return m, http.StatusBadRequest, fmt.Errorf("it cannot be decrypted: %w", err)
	}
	return m, 0, nil
}

// base64Letters are those of base64url.
const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Next waits for the next message that a subscription gets.
func (u *Subscription) Next(ctx context.Context) (Message, error) {
	for {
		u.mu.Lock()
		news := u.news
		if u.read < len(u.got) {
			m := u.got[u.read]
			u.read++
			u.mu.Unlock()
			return m, nil
		}
		u.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("no message comes (turned away: %q): %w", u.service.Faults(), ctx.Err())
		}
	}
}
