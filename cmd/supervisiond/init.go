package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"supervisiond/app"
	"supervisiond/config"
	"supervisiond/config/first"
)

func newInit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Ask a running Asterisk for its endpoints, and write a first configuration",
		Long: "Ask a running Asterisk for its endpoints over ARI, and write a first configuration: its people, and their phones.\n" +
			"The password is read from --password-file, or else from the variable " + first.PasswordVariable + ", and is not written down. Nothing is\n" +
			"changed on the PBX, and no file is overwritten.",
		Args: cobra.NoArgs,
	}
	f := first.Facts{}
	flags := cmd.Flags()
	flags.StringVar(&f.URL, "ari", "http://127.0.0.1:8088/ari", "the `URL` of ARI")
	flags.StringVar(&f.Username, "user", "supervisiond", "the `name` of ARI's user, a section of ari.conf")
	flags.StringVar(&f.PasswordFile, "password-file", "", "the `file` with that user's password; or the variable "+first.PasswordVariable)
	flags.StringVar(&f.CAFile, "ca-file", "", "a `file` with the authorities to trust for an https URL")
	flags.StringVar(&f.Site, "site", "hq", "the site's `name`, a token of all NATS subjects")
	flags.StringVar(&f.PhoneContext, "phone-context", "", "the `context` in which phones dial, if not the one in which most do")
	output := flags.String("output", "", "the `file` to write; there must be none of that name (default: the standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return initialise(cmd.Context(), f, *output, cmd.OutOrStdout())
	}
	return cmd
}

func initialise(ctx context.Context, f first.Facts, output string, out io.Writer) error {
	if _, err := os.Lstat(output); output != "" && err == nil {
		return alreadyThere(output)
	}
	if f.PasswordFile == "" && os.Getenv(first.PasswordVariable) == "" {
		return fmt.Errorf("the password of %s is missing: put it into the variable %s, or name a file with --password-file",
			f.Username, first.PasswordVariable)
	}
	for _, file := range []*string{&f.PasswordFile, &f.CAFile} {
		if *file == "" {
			continue
		}
		// A configuration's own paths start from its folder, wherever that will be.
		var err error
		if *file, err = filepath.Abs(*file); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	d, err := app.Init(ctx, f)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted: nothing was written")
	case err != nil:
		return inFlags(err)
	case output == "":
		_, err = io.WriteString(out, d.Text)
		return err
	}
	if err := writeNew(output, d.Text); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: written: %s with %s; %d left out, and the file says why. Look it over, then: supervisiond check --config %s\n",
		output, count(d.People, "person", "people"), count(d.Endpoints, "endpoint", "endpoints"), d.LeftOut, output)
	return nil
}

func alreadyThere(file string) error {
	return fmt.Errorf("%s is there already, and init overwrites nothing: name another file with --output and compare the two, or move the old one away", file)
}

// writeNew writes a file that must not exist; one that cannot be written whole is taken away again. Everybody may read it,
// for the daemon may run as anybody, and no secret is in it.
func writeNew(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return alreadyThere(name)
	}
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("--output: %w", errors.Join(err, os.Remove(name)))
	}
	return nil
}

// flagOf names the flags in place of the keys that messages speak of.
var flagOf = strings.NewReplacer(
	"asterisk.ari.url", "--ari", "asterisk.ari.username", "--user", "asterisk.ari.password_file", "--password-file",
	"asterisk.ari.password", "--password-file (or "+first.PasswordVariable+")", "asterisk.ari.tls.ca_file", "--ca-file",
	"asterisk.phone_context", "--phone-context",
)

// inFlags says in terms of flags what is wrong with what they said.
func inFlags(err error) error {
	mistakes, ok := errors.AsType[config.Errors](err)
	if !ok {
		return errors.New(flagOf.Replace(err.Error()))
	}
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		lines[i] = flagOf.Replace(m.Message)
		if rest, found := strings.CutPrefix(lines[i], "site: "); found {
			lines[i] = "--site: " + rest
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
