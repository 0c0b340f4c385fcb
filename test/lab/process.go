package lab

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is one running Asterisk.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and err is set
	err   error
}

// startProcess starts a command and owns it until it ends.
//
// The kernel sends a parent's death signal when the *thread* that forked ends,
// so one goroutine keeps its thread for as long as the process lives.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// alive tells whether it runs.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop asks it to end, and insists after a while. It returns when it has ended.
func (p *process) stop(patience time.Duration) {
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.kill()
	}
}

// kill ends it without asking, and returns when it has ended.
func (p *process) kill() {
	p.signal(os.Kill)
	<-p.ended
}

// signal's only error is that the process has ended, which callers wait for.
func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }
