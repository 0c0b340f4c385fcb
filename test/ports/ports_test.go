package ports

import (
	"net"
	"testing"
)

// Each is another's, below those that the kernel gives to anybody, and may be listened at again and again over UDP and TCP.
func TestPortsAreOurs(t *testing.T) {
	seen := make(map[string]bool)
	for range 20 {
		a := Address(t)
		if seen[a] {
			t.Errorf("%s is given twice", a)
		}
		seen[a] = true
		for range 2 {
			tcp, err := net.Listen("tcp", a)
			if err != nil {
				t.Fatal(err)
			}
			udp, err := net.ListenPacket("udp", a)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = tcp.Close(), udp.Close()
		}
	}
}

// A port is given once at a time, and none at which somebody listens who knows nothing of this.
func TestTakenPorts(t *testing.T) {
	before := turn.Load()
	port := Take(t)
	turn.Store(before)
	if again := Take(t); again == port {
		t.Errorf("%d is given twice", again)
	}
	if !free(port) {
		t.Errorf("%d is not free", port)
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	if free(port) {
		t.Errorf("%d counts as free, where somebody takes datagrams", port)
	}
	_ = udp.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tcp.Close() }()
	if free(port) {
		t.Errorf("%d counts as free, where somebody takes connections", port)
	}
}
