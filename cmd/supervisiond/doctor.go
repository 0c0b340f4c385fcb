package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"supervisiond/app"
	"supervisiond/config"
)

// errUnwell says that something failed, which has been printed.
var errUnwell = errors.New("something failed")

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try the PBX, NATS and the daemon's own addresses, and say how to mend what is wrong",
		Long: "Try the PBX, NATS and the daemon's own addresses for real, and say what is right and how to mend what is not.\n" +
			"It may run while the daemon does, and leaves nothing behind. The exit code is 1 if anything failed; warnings are none of that.",
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		return doctor(cmd.Context(), cfg, cmd.OutOrStdout())
	}
	return cmd
}

// doctor prints what app.Doctor finds. A signal ends it; a second one ends the process at once.
func doctor(ctx context.Context, cfg *config.Config, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	p := &printer{out: out}
	p.Pass(fmt.Sprintf("the configuration %s: %s, %s", cfg.File, count(len(cfg.Directory.People()), "person", "people"),
		count(len(cfg.Directory.Groups()), "group", "groups")))
	if err := app.Doctor(ctx, cfg, p); err != nil {
		return errors.New("interrupted: not everything was tried")
	}
	p.sum()
	if p.failed > 0 {
		return errUnwell
	}
	return nil
}

// printer is an app.Report: a finding a line, and below it what to do.
type printer struct {
	out                    io.Writer
	passed, warned, failed int
}

func (p *printer) Pass(what string) {
	p.passed++
	p.print("PASS  ", what)
}

func (p *printer) Warn(what, mend string) {
	p.warned++
	p.print("WARN  ", what)
	p.print("      > ", mend)
}

func (p *printer) Fail(what, mend string) {
	p.failed++
	p.print("FAIL  ", what)
	p.print("      > ", mend)
}

func (p *printer) sum() {
	fmt.Fprintf(p.out, "%d passed, %s, %d failed\n", p.passed, count(p.warned, "warning", "warnings"), p.failed)
}

// pageWidth is how wide a line is at most, unless a command that is to be copied is wider.
const pageWidth = 100

// print writes a text behind a label, and goes on below it where the line is full.
func (p *printer) print(label, text string) {
	line, indent := label, strings.Repeat(" ", len(label))
	for i, word := range words(text) {
		if i > 0 && len(line)+1+len(word) > pageWidth {
			fmt.Fprintln(p.out, line)
			line = indent + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(p.out, line)
}

// words splits a text at its spaces, but not within 'quotes', which a command is in. What a terminal could take for a command to itself is left
// out: some of the text comes from other machines.
func words(text string) []string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	var list []string
	quoted := false
	for word := range strings.SplitSeq(text, " ") {
		if quoted {
			list[len(list)-1] += " " + word
		} else {
			list = append(list, word)
		}
		quoted = quoted || strings.HasPrefix(strings.TrimLeft(word, "("), "'")
		quoted = quoted && !strings.HasSuffix(strings.TrimRight(word, ").,;?"), "'")
	}
	return list
}
