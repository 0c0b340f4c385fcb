package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Asterisk's ports come in blocks below the range from which the kernel gives
// ports to everybody else, so that nobody takes one while Asterisk restarts.
const (
	firstPort  = 10240
	lastPort   = 32767
	blockPorts = 1024
	rtpOffset  = 16
)

// ports are those of one Asterisk.
type ports struct {
	SIPPort  int
	ARIPort  int
	RTPStart int
	RTPEnd   int
	// lock keeps the block ours, among all processes of this machine: an
	// abstract socket's name, which vanishes with its process.
	lock net.Listener
}

func (p ports) release() error { return p.lock.Close() }

// takePorts finds a free block, and waits for one while all are taken.
func takePorts(ctx context.Context) (ports, error) {
	for {
		for base := firstPort; base+blockPorts-1 <= lastPort; base += blockPorts {
			p, err := takeBlock(base)
			if err == nil {
				return p, nil
			}
			if !errors.Is(err, syscall.EADDRINUSE) {
				return ports{}, fmt.Errorf("lab: ports from %d: %w", base, err)
			}
		}
		select {
		case <-ctx.Done():
			return ports{}, fmt.Errorf("lab: no free ports from %d to %d: %w", firstPort, lastPort, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func takeBlock(base int) (ports, error) {
	lock, err := net.Listen("unix", "@supervisiond-lab-"+strconv.Itoa(base))
	if err != nil {
		return ports{}, err
	}
	p := ports{
		SIPPort: base, ARIPort: base + 1,
		RTPStart: base + rtpOffset, RTPEnd: base + blockPorts - 1,
		lock: lock,
	}
	if err := p.free(); err != nil {
		lock.Close()
		return ports{}, err
	}
	return p, nil
}

// free tells whether somebody who knows nothing of blocks is on our ports.
func (p ports) free() error {
	for _, port := range []int{p.SIPPort, p.ARIPort} {
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			return err
		}
		l.Close()
	}
	c, err := net.ListenPacket("udp", address(p.SIPPort))
	if err != nil {
		return err
	}
	return c.Close()
}

// address is a port of this machine, reachable from this machine only.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
