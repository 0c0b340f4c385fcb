package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// SupervisionConf is the file that extensions.conf includes when it is there:
// what "supervisiond dialplan" prints.
const SupervisionConf = "supervision.conf"

// stopPatience is how long Asterisk may take to stop when asked.
const stopPatience = 5 * time.Second

// ErrStopped says that Stop has been called.
var ErrStopped = errors.New("lab: this Asterisk was stopped for good")

// Asterisk is one running PBX. Its methods may be called from any goroutine.
type Asterisk struct {
	options Options
	tree    tree
	folder  *folder
	ports   ports
	log     *slog.Logger

	mu      sync.Mutex // guards the life of the process, and what follows
	process *process
	boot    time.Duration
	stopped bool
}

// Run starts an Asterisk and returns when it is ready for calls. It runs until
// Stop, whatever becomes of ctx, and never longer than this process.
func Run(ctx context.Context, options Options) (*Asterisk, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	t, err := findTree(options)
	if err != nil {
		return nil, err
	}
	a := &Asterisk{options: options, tree: t, log: options.Logger}
	if a.ports, err = takePorts(ctx); err != nil {
		return nil, err
	}
	if a.folder, err = t.makeFolder(); err != nil {
		return nil, errors.Join(err, a.ports.release())
	}
	if err := a.prepare(); err != nil {
		return nil, errors.Join(err, a.Stop())
	}
	if err := a.Boot(ctx); err != nil {
		return nil, errors.Join(err, a.Stop())
	}
	return a, nil
}

func (a *Asterisk) prepare() error {
	return writeConfig(a.folder.path("etc"), settings{
		Options:       a.options,
		ARIUser:       ARIUser,
		TrunkPassword: Password(Trunk),
		Dir:           a.folder.inside,
		ModulesDir:    a.tree.modulesDir,
		DataDir:       a.tree.dataDir,
		ports:         a.ports,
	})
}

// ARIURL is the base of ARI, without a slash at its end.
func (a *Asterisk) ARIURL() string { return "http://" + address(a.ports.ARIPort) + "/ari" }

// ARIUser is the user that ARI knows.
func (a *Asterisk) ARIUser() string { return ARIUser }

// ARIPassword is that user's password.
func (a *Asterisk) ARIPassword() string { return a.options.ARIPassword }

// SIPAddr is the host and port of SIP, over UDP and over TCP.
func (a *Asterisk) SIPAddr() string { return address(a.ports.SIPPort) }

// Dir is the folder of this machine where this Asterisk keeps all that is its
// own: etc, run, db, log, spool.
func (a *Asterisk) Dir() string { return a.folder.host }

// BootTime is how long Asterisk took to be ready the last time it started.
func (a *Asterisk) BootTime() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.boot
}

// Running tells whether the process is there; one that crashed is not.
func (a *Asterisk) Running() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.process != nil && a.process.alive()
}

// Kill ends Asterisk as a power cut does. Its ports, its configuration and its
// database stay, for Boot. Asterisk commits its database once a second, so what
// was written in the last one is lost.
func (a *Asterisk) Kill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kill()
}

// Halt ends Asterisk as an administrator does, and keeps for Boot what Kill
// keeps, and the last second.
func (a *Asterisk) Halt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.process == nil {
		return
	}
	a.process.stop(stopPatience)
	a.process = nil
}

func (a *Asterisk) kill() {
	if a.process == nil {
		return
	}
	a.process.kill()
	a.process = nil
}

// Restart is Kill, then Boot: the same ports, the same configuration and the
// same database, less its last second.
func (a *Asterisk) Restart(ctx context.Context) error {
	a.Kill()
	return a.Boot(ctx)
}

// Boot starts Asterisk after Kill or Halt, and returns when it is ready for calls.
func (a *Asterisk) Boot(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return ErrStopped
	}
	if a.process != nil && a.process.alive() {
		return errors.New("lab: Asterisk runs already")
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, a.options.BootTimeout,
		fmt.Errorf("Asterisk was not ready after %s", a.options.BootTimeout))
	defer cancel()

	console, err := os.OpenFile(a.folder.path("log", "console"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer console.Close()
	cmd := a.tree.command(a.tree.asterisk, "-f", "-C", filepath.Join(a.folder.inside, "etc/asterisk.conf"))
	cmd.Stdout, cmd.Stderr = console, console
	if a.process, err = startProcess(cmd); err != nil {
		return fmt.Errorf("lab: start Asterisk: %w", err)
	}
	if err := a.awaitReady(ctx, a.process); err != nil {
		a.kill()
		return fmt.Errorf("lab: %w\n%s", err, tail(a.Log(), 40))
	}
	a.boot = time.Since(begin)
	a.log.Info("asterisk is ready", "ari", a.ARIURL(), "sip", a.SIPAddr(), "boot", a.boot)
	return nil
}

// Stop ends Asterisk and removes all that was its own. It may be called again.
func (a *Asterisk) Stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return nil
	}
	a.stopped = true
	if a.process != nil {
		a.process.stop(stopPatience)
	}
	return errors.Join(a.folder.remove(), a.ports.release())
}

// WriteConfig replaces one file of etc, as queues.conf or [SupervisionConf]; see
// Reload.
func (a *Asterisk) WriteConfig(name, text string) error {
	if err := os.WriteFile(a.folder.path("etc", filepath.Base(name)), []byte(text), 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}

// ReadConfig returns one file of etc.
func (a *Asterisk) ReadConfig(name string) (string, error) {
	text, err := os.ReadFile(a.folder.path("etc", filepath.Base(name)))
	if err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	return string(text), nil
}
