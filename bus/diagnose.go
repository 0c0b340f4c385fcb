package bus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"supervisiond/bus/subject"
)

// Report takes what a diagnosis finds. What says how it is, mend what the administrator can do about it.
type Report interface {
	Pass(what string)
	Warn(what, mend string)
	Fail(what, mend string)
}

// Diagnosis is what Diagnose is to try: the embedded server, or with Connect an external one.
type Diagnosis struct {
	Site    string
	History History
	// Listen and StoreDir are those of the embedded server.
	Listen, StoreDir string
	// Connect opens a connection to an external server, and URL names it without secrets.
	Connect func(...nats.Option) (*nats.Conn, error)
	URL     string
}

const (
	// diagnoseStep bounds each step of a diagnosis, and diagnoseTime all of them.
	diagnoseStep = 4 * time.Second
	diagnoseTime = 8 * time.Second
)

// Diagnose tries for real what the daemon needs of NATS. It starts no server, and writes neither state nor history.
func Diagnose(ctx context.Context, o Diagnosis, r Report) {
	ctx, cancel := context.WithTimeout(ctx, diagnoseTime)
	defer cancel()
	if o.Connect != nil {
		diagnoseExternal(ctx, o, r)
		return
	}
	diagnosePort(ctx, o, r)
	if diagnoseStore(o, r) {
		diagnoseSpace(o, r)
	}
}

// diagnosePort finds out who has the port of the embedded server.
func diagnosePort(ctx context.Context, o Diagnosis, r Report) {
	ctx, cancel := context.WithTimeout(ctx, diagnoseStep)
	defer cancel()
	const key = "nats.embedded.listen "
	if _, port, _ := net.SplitHostPort(o.Listen); port == "0" {
		r.Pass(key + o.Listen + ": any free port")
		return
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	switch {
	case err == nil:
		_ = l.Close()
		r.Pass(key + o.Listen + ": free")
	case !errors.Is(err, syscall.EADDRINUSE):
		r.Fail(key+o.Listen+" cannot be used: "+reason(err), "choose an address of this machine, and a port above 1023")
	default:
		switch name, err := serverName(ctx, o.Listen); {
		case err == nil && name == subject.Daemon+"-"+o.Site:
			r.Pass(key + o.Listen + ": the daemon that runs here answers")
		case err == nil:
			r.Fail(fmt.Sprintf("%s%s is taken by the NATS server %q", key, o.Listen, name),
				"choose another port for the embedded server, or use that server: nats.url: nats://"+o.Listen)
		default:
			r.Fail(key+o.Listen+" is taken by a program that is no NATS server",
				"choose another port, or stop that program: ss -ltnp says which it is")
		}
	}
}

// serverName reads how a NATS server introduces itself, which it does to everybody, and before TLS.
func serverName(ctx context.Context, listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	// A stranger that waits to be spoken to is known soon enough.
	ctx, cancel := context.WithTimeout(ctx, diagnoseStep/2)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	const longest = 64 << 10
	line, err := bufio.NewReaderSize(c, longest).ReadSlice('\n')
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(string(line), "INFO ")
	var info struct {
		Name string `json:"server_name"`
	}
	if !ok || json.Unmarshal([]byte(text), &info) != nil {
		return "", errors.New("it does not speak NATS")
	}
	return info.Name, nil
}

// diagnoseStore finds out whether the embedded server could write. A folder that is not there yet is not made: whoever
// runs this may be another user than the daemon.
func diagnoseStore(o Diagnosis, r Report) bool {
	const key = "nats.embedded.store_dir "
	dir, err := nearest(o.StoreDir)
	if err == nil {
		err = tryWriting(dir)
	}
	if err != nil {
		r.Fail(key+o.StoreDir+" cannot be written to: "+reason(err),
			"name a folder that the daemon's user may write to, or give it this one: install -d -o USER -m 700 "+o.StoreDir)
		return false
	}
	if dir == o.StoreDir {
		r.Pass(key + o.StoreDir + " can be written to")
	} else {
		r.Pass(key + o.StoreDir + " can be made")
	}
	return true
}

// nearest is the folder itself, or the one in which it would be made.
func nearest(dir string) (string, error) {
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && info.IsDir():
			return dir, nil
		case err == nil:
			return "", errors.New(dir + " is no folder")
		case !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir:
			return "", err
		}
		dir = filepath.Dir(dir)
	}
}

func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, ".supervisiond-doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("try")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// diagnoseSpace compares what the history may take with what is free, and with what it takes already.
func diagnoseSpace(o Diagnosis, r Report) {
	if o.History.MaxBytes <= 0 {
		return
	}
	dir, err := nearest(o.StoreDir)
	if err != nil {
		return
	}
	free, known := freeBytes(dir)
	if !known {
		return
	}
	if used := usedBytes(o.StoreDir); free+used < o.History.MaxBytes {
		r.Warn(fmt.Sprintf("the disk of %s has %s free, and the history may take %s", o.StoreDir, size(free), size(o.History.MaxBytes-used)),
			"make room, or lower history.max_bytes: on a full disk nobody can log in or out")
		return
	}
	r.Pass("the disk has room for the history (history.max_bytes " + size(o.History.MaxBytes) + ")")
}

// usedBytes is what the server keeps already.
func usedBytes(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what goes away meanwhile takes no room
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

func size(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// reason is an error without the operation and the names that are told already.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}
