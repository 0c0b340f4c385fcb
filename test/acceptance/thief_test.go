package acceptance

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"supervisiond/test/lab"
)

// startThief attaches to ARI under the daemon's application name, and gives a function that lets go.
func startThief(t *testing.T, s *site) (letGo func()) {
	t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte(lab.ARIUser + ":" + s.pbx.ARIPassword()))
	conn, _, err := websocket.Dial(s.ctx(), strings.Replace(s.pbx.ARIURL(), "http", "ws", 1)+"/events?app=supervision&subscribeAll=false",
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Basic " + basic}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				return
			}
		}
	}()
	letGo = func() {
		cancel()
		<-done
		_ = conn.CloseNow()
	}
	t.Cleanup(letGo)
	return letGo
}
