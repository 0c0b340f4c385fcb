package main

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestSignals: SIGHUP reloads the configuration, SIGTERM ends it in good order, without a PBX there.
func TestSignals(t *testing.T) {
	file := writeConfig(t, `
site: hq
asterisk: {ari: {url: "http://127.0.0.1:1/ari", username: u, password: p}}
nats: {embedded: {listen: 127.0.0.1:0}}
http: {listen: 127.0.0.1:0}
log: {format: json}
`)
	cmd := exec.CommandContext(t.Context(), program, "run", "--config", file)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Whatever the daemon says first, it listens to signals before it says it.
	const answer = `"msg":"the configuration was reloaded"`
	asked, ignored := false, false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		switch {
		case strings.Contains(lines.Text(), answer):
			ignored = true
			err = cmd.Process.Signal(syscall.SIGTERM)
		case !asked:
			asked = true
			err = cmd.Process.Signal(syscall.SIGHUP)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil || !ignored {
		t.Errorf("SIGHUP was seen: %t; then: %v", ignored, err)
	}
}
