package gcm

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// pushSite is how the names of sites with Web Push begin (push_messaging_app_identifier.h). Others are of what Chromium does for itself, which
// there is none of here.
const pushSite = "wp:"

// Registration is that of a site's worker in one browser.
type Registration struct {
	// Token is what names it to who sends.
	Token string
	// Sender is the key of the one who may send, in base64url, as the site gave it to PushManager.subscribe.
	Sender string

	app, subtype string
	device       *device
}

// Options are what a server does besides.
type Options struct {
	// Certificate is that of the stream.
	Certificate tls.Certificate
	// Registered and Unregistered are told of each registration, before the browser is. A browser that does not know its
	// registration any more unregisters nothing.
	Registered, Unregistered func(Registration)
}

// Server is what Chromium talks to.
type Server struct {
	options Options
	web     *httptest.Server
	streams net.Listener
	running sync.WaitGroup

	mu            sync.Mutex
	ended         bool
	connections   map[net.Conn]bool
	devices       map[uint64]*device
	registrations map[string]*Registration // by token
	last          int                      // the number of the last message
	faults        []string
}

// Start starts a server on 127.0.0.1, which ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{
		options: o, connections: make(map[net.Conn]bool), devices: make(map[uint64]*device), registrations: make(map[string]*Registration),
	}
	config := &tls.Config{Certificates: []tls.Certificate{o.Certificate}, MinVersion: tls.VersionTLS12}
	var err error
	if s.streams, err = tls.Listen("tcp", "127.0.0.1:0", config); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /checkin", s.checkIn)
	mux.HandleFunc("POST /register", s.register)
	s.web = httptest.NewUnstartedServer(mux)
	s.web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.web.Start()
	s.running.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

func (s *Server) close() {
	s.web.Close()
	_ = s.streams.Close()
	s.mu.Lock()
	s.ended = true
	for conn := range s.connections {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Switches are those with which a Chromium is started that is to come here, and to go nowhere else.
func (s *Server) Switches() map[string]string {
	key := sha256.Sum256(s.options.Certificate.Leaf.RawSubjectPublicKeyInfo)
	return map[string]string{
		"gcm-checkin-url":                     s.web.URL + "/checkin",
		"gcm-registration-url":                s.web.URL + "/register",
		"gcm-mcs-endpoint":                    "https://" + s.streams.Addr().String(),
		"ignore-certificate-errors-spki-list": base64.StdEncoding.EncodeToString(key[:]),
		"host-resolver-rules":                 "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
	}
}

// Faults are what browsers did that the protocol does not know.
func (s *Server) Faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

func (s *Server) fault(format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, a...))
}

// checkIn makes a device (checkin.proto). What the browser tells of itself is not looked at.
func (s *Server) checkIn(w http.ResponseWriter, _ *http.Request) {
	d := &device{id: random(), secret: random()}
	s.mu.Lock()
	s.devices[d.id] = d
	s.mu.Unlock()
	answer := appendNumber(nil, 1, 1) // stats_ok
	answer = appendFixed(answer, 7, d.id)
	answer = appendFixed(answer, 8, d.secret)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// random is a number that is not 0, which would be none.
func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint64(b[:])>>1 | 1
}

// register gives a device a token for a site's worker, or takes it back (registration_request.cc, unregistration_request.cc).
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	d := s.known(r.Header.Get("Authorization"))
	if d == nil {
		s.fault("a registration of a device that is not known")
		_, _ = fmt.Fprint(w, "Error=AUTHENTICATION_FAILED")
		return
	}
	reg := &Registration{Sender: r.FormValue("sender"), app: r.FormValue("app"), subtype: r.FormValue("X-subtype"), device: d}
	if r.FormValue("delete") == "true" {
		s.unregister(reg)
		_, _ = fmt.Fprintf(w, "token=%s", r.FormValue("appid"))
		return
	}
	if !strings.HasPrefix(reg.subtype, pushSite) {
		_, _ = fmt.Fprint(w, "Error=INVALID_SENDER") // and it is not tried again
		return
	}
	if r.FormValue("scope") != "GCM" || reg.Sender == "" {
		s.fault("a registration of %q", r.Form)
		_, _ = fmt.Fprint(w, "Error=INVALID_PARAMETERS")
		return
	}
	reg.Token = fmt.Sprintf("%016x:%016x", random(), random())
	s.mu.Lock()
	s.registrations[reg.Token] = reg
	s.mu.Unlock()
	s.options.Registered(*reg)
	_, _ = fmt.Fprintf(w, "token=%s", reg.Token)
}

// unregister takes back what a device has for the same worker, and the same sender or any.
func (s *Server) unregister(of *Registration) {
	s.mu.Lock()
	var gone []Registration
	for token, reg := range s.registrations {
		if reg.device == of.device && reg.app == of.app && reg.subtype == of.subtype && (of.Sender == "*" || reg.Sender == of.Sender) {
			delete(s.registrations, token)
			gone = append(gone, *reg)
		}
	}
	s.mu.Unlock()
	for _, reg := range gone {
		s.options.Unregistered(reg)
	}
}

// known gives the device that an Authorization header names: AidLogin id:secret.
func (s *Server) known(header string) *device {
	id, secret, _ := strings.Cut(strings.TrimPrefix(header, "AidLogin "), ":")
	return s.deviceOf(id, secret)
}

// deviceOf gives the device with a number, in decimal, if the secret is its own.
func (s *Server) deviceOf(id, secret string) *device {
	number, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices[number]; d != nil && strconv.FormatUint(d.secret, 10) == secret {
		return d
	}
	return nil
}
