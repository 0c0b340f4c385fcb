package acceptance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Issue: RFC 6665 as SIPp speaks it, a phone that nobody here wrote: subscriptions from the beginning to the end, refusals, order,
// routes.
func testSIPp(t *testing.T, s *site) {
	program, err := exec.LookPath("sipp")
	if err != nil {
		t.Fatal("SIPp is not here; test/setup gets it (Debian: sip-tester): ", err)
	}
	files, err := filepath.Glob("testdata/sipp/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios: ", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".xml")
		user := "103" // whom nobody calls meanwhile
		if name == "unlisted" {
			user = "sales"
		}
		for flag, transport := range map[string]string{"u1": "udp", "t1": "tcp"} {
			if transport == "tcp" && name != "subscribe" && name != "refused" && name != "fetch" && name != "loose" {
				continue // it is about datagrams
			}
			t.Run(name+" over "+transport, func(t *testing.T) {
				t.Parallel()
				server := s.in(t).sipAddr(transport)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				log := filepath.Join(t.TempDir(), "errors")
				// Of the address that it has proved itself for, SIPp knows no more than what it is told.
				cmd := exec.CommandContext(ctx, program, "-sf", file, "-m", "1", "-t", flag, "-i", "127.0.0.1", "-nostdin", "-auth_uri", user+"@"+server,
					"-timeout", "15s", "-timeout_error", "-trace_err", "-error_file", log, server)
				if _, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, s.in(t).readFile(log))
				}
			})
		}
	}
}

func (s *site) readFile(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(name)
	s.must("read", err)
	return string(text)
}
