package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// pbx plays recorded frames to whoever attaches. It answers what the daemon asks when it does, and no more: what a real
// Asterisk does is for the acceptance tests to show, while this one is fast enough to leave the daemon to be measured.
type pbx struct {
	*httptest.Server
	attached chan *websocket.Conn
}

// startPBX answers with what a real Asterisk has answered, but for its endpoints where others are given.
func startPBX(b testing.TB, endpoints []byte) *pbx {
	b.Helper()
	p := &pbx{attached: make(chan *websocket.Conn, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("/ari/events", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		p.attached <- conn
		for { // pongs
			if _, _, err := conn.Read(r.Context()); err != nil {
				return
			}
		}
	})
	if endpoints == nil {
		endpoints = read(b, "endpoints.json")
	}
	for path, body := range map[string][]byte{
		"/ari/asterisk/info": read(b, "info.json"), "/ari/channels": []byte("[]"), "/ari/endpoints": endpoints,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	}
	mux.HandleFunc("/ari/applications/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	mux.HandleFunc("/ari/channels/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"value":"0"}`)) // above all that its dialplan is not FreePBX's
	})
	p.Server = httptest.NewServer(mux)
	b.Cleanup(p.Close)
	return p
}

// read reads what a real Asterisk has answered.
func read(b testing.TB, name string) []byte {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("../../ari/testdata", name))
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func send(b testing.TB, conn *websocket.Conn, frames []string) {
	for _, f := range frames {
		if err := conn.Write(context.Background(), websocket.MessageText, []byte(f)); err != nil {
			b.Fatal(err)
		}
	}
}

// recorded are the frames of a plain call up to the phone's ringing, and the rest of them.
func recorded(b *testing.B) (upToRinging, rest string) {
	b.Helper()
	lines := framesOf(b, "plain_answered")
	for i, line := range lines {
		if strings.Contains(line, `"type":"ChannelStateChange"`) {
			return strings.Join(lines[:i+1], "\n"), strings.Join(lines[i+1:], "\n")
		}
	}
	b.Fatal("nothing rings in the recorded call")
	return "", ""
}

// framesOf are the frames of a recorded call.
func framesOf(b testing.TB, trace string) []string {
	b.Helper()
	text := string(read(b, "traces/"+trace+".txtar"))
	_, text, _ = strings.Cut(text, "-- frames --\n")
	text, _, _ = strings.Cut(text, "-- events --")
	return strings.Split(strings.TrimSpace(text), "\n")
}
