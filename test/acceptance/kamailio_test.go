package acceptance

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// proxyConfig is the configuration that docs/phones-one-proxy.md gives to administrators.
const proxyConfig = "../../examples/kamailio/kamailio.cfg"

// kamailioProgram is where Debian has it; not everybody's PATH leads there.
const kamailioProgram = "/usr/sbin/kamailio"

var addresses atomic.Int32

// ownAddress is an address of this machine that nobody else uses, so that whoever listens there may have the ports that the
// documentation names.
func ownAddress(t *testing.T) string {
	t.Helper()
	for range 32 {
		host := fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()>>8&63, os.Getpid()&255, addresses.Add(1)&255)
		lock, err := net.Listen("tcp4", host+":7000") // another process may have come to the same
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = lock.Close() })
		return host
	}
	t.Fatal("no address of this machine is free")
	return ""
}

// kamailio is Debian's, with the configuration that the documentation gives, between phones and servers.
type kamailio struct {
	*tool
	Addr string
}

// startKamailio starts one on a host of its own.
func startKamailio(t *testing.T, host, asterisk, events string) *kamailio {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, []byte(proxyText(t, host, asterisk, events)), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &kamailio{Addr: host + ":5060", tool: startTool(t, exec.Command(
		kamailioProgram, "-DD", "-E", "-f", file, "-w", dir, "-Y", dir, "-P", filepath.Join(dir, "pid"), "-m", "32", "-M", "4"))}
	k.await(t)
	return k
}

// proxyText is the example with the addresses of this test in place of its own.
func proxyText(t *testing.T, host, asterisk, events string) string {
	t.Helper()
	text, err := os.ReadFile(proxyConfig)
	if err != nil {
		t.Fatal(err)
	}
	asteriskHost, asteriskPort, _ := net.SplitHostPort(asterisk)
	eventsHost, eventsPort, _ := net.SplitHostPort(events)
	out := string(text)
	for _, r := range [][2]string{
		{"listen=udp:192.0.2.10:5060", "listen=udp:" + host + ":5060"},
		{"listen=tcp:192.0.2.10:5060", "listen=tcp:" + host + ":5060"},
		{"!ASTERISK_HOST!192.0.2.10!", "!ASTERISK_HOST!" + asteriskHost + "!"},
		{"!ASTERISK_PORT!5080!", "!ASTERISK_PORT!" + asteriskPort + "!"},
		{"!SUPERVISION_HOST!127.0.0.1!", "!SUPERVISION_HOST!" + eventsHost + "!"},
		{"!SUPERVISION_PORT!5070!", "!SUPERVISION_PORT!" + eventsPort + "!"},
	} {
		if strings.Count(out, r[0]) != 1 {
			t.Fatalf("%s has %q not once", proxyConfig, r[0])
		}
		out = strings.Replace(out, r[0], r[1], 1)
	}
	return out
}

// await waits until it answers a keep-alive.
func (k *kamailio) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if answer := k.ask(t, "OPTIONS", "sip:"+k.Addr, "To: <sip:"+k.Addr+">\r\n", 100*time.Millisecond); strings.HasPrefix(answer, "SIP/2.0 200") {
			return
		}
		select {
		case <-k.done:
			t.Fatal("Kamailio has ended")
		case <-ctx.Done():
			t.Fatal("Kamailio does not answer")
		case <-time.After(10 * time.Millisecond): // a closed port is told at once
		}
	}
}

// ask sends a request of nobody's, and gives the first answer; none if none comes in that time.
func (k *kamailio) ask(t *testing.T, method, uri, headers string, wait time.Duration) string {
	t.Helper()
	c, err := net.Dial("udp4", k.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	branch := fmt.Sprint(time.Now().UnixNano())
	_, _ = fmt.Fprintf(c, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:mallory@%s>;tag=m%s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <sip:mallory@%s>\r\n%sContent-Length: 0\r\n\r\n",
		method, uri, c.LocalAddr(), branch, k.Addr, branch, branch, method, c.LocalAddr(), headers)
	_ = c.SetReadDeadline(time.Now().Add(wait))
	var answer [4096]byte
	n, err := c.Read(answer[:])
	if err != nil {
		return ""
	}
	return string(answer[:n])
}
