// Package ports gives tests ports that stay theirs while nobody listens there: for a server that goes and comes back, one that two
// protocols share, or an address at which nobody may answer. A port that the kernel chose is anybody's as soon as it is closed, or
// on another protocol; so these are below the range from which it chooses.
package ports

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// Test/lab's are above, the console's development servers and what Chromium takes for unsafe are not among them.
const (
	first = 6700
	last  = 8079
)

// turn has each process begin elsewhere and come to a port again as late as can be: an earlier test's client may still call there.
var turn atomic.Int64

func init() { turn.Store(int64(os.Getpid()) * 61) }

// Take reserves a port of 127.0.0.1, over UDP and TCP, until the test and what it cleans up have ended. Nobody listens there yet.
func Take(t testing.TB) int {
	t.Helper()
	for range last - first + 1 {
		port := first + int(turn.Add(1)%(last-first+1))
		// An abstract socket's name is one process's in all of the machine, and vanishes with it.
		lock, err := net.Listen("unix", "@supervisiond-port-"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		if free(port) {
			t.Cleanup(func() { _ = lock.Close() })
			return port
		}
		_ = lock.Close() // somebody's who knows nothing of this
	}
	t.Fatalf("no port from %d to %d is free", first, last)
	return 0
}

// Address is a port that was taken, with its host.
func Address(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(Take(t)))
}

func free(port int) bool {
	// Where all addresses of the machine are taken, this one is.
	tcp, err := net.Listen("tcp4", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	_ = tcp.Close()
	udp, err := net.ListenPacket("udp4", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	_ = udp.Close()
	return true
}
