package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// CLI runs one command on Asterisk's console, as in CLI(ctx, "core show
// channels"), and returns what it printed. A command that Asterisk does not
// know is an error; one that failed in its own way prints so.
func (a *Asterisk) CLI(ctx context.Context, command string) (string, error) {
	cmd := a.tree.command(a.tree.asterisk,
		"-C", filepath.Join(a.folder.inside, "etc/asterisk.conf"), "-rx", command)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := startProcess(cmd)
	if err != nil {
		return "", fmt.Errorf("lab: console: %w", err)
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.kill()
		return "", fmt.Errorf("lab: console: %q: %w", command, context.Cause(ctx))
	}
	text := out.String()
	switch {
	case p.err != nil:
		return text, fmt.Errorf("lab: console: %q: %w: %s", command, p.err, strings.TrimSpace(text))
	case strings.HasPrefix(text, "No such command"):
		return text, errors.New("lab: console: " + strings.TrimSpace(text))
	}
	return text, nil
}

// Reload makes Asterisk read its configuration again: that of one module, as
// "dialplan", "res_pjsip.so" or "app_queue.so", or with "" of all.
func (a *Asterisk) Reload(ctx context.Context, module string) error {
	command := "core reload"
	switch module {
	case "":
	case "dialplan":
		command = "dialplan reload"
	default:
		command = "module reload " + module
	}
	_, err := a.CLI(ctx, command)
	return err
}
