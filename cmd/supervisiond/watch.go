package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"supervisiond/app"
	"supervisiond/config"
	"supervisiond/supervision"
	"supervisiond/watch"
	"supervisiond/watch/feed"
)

// natsPassword is the variable that a NATS user's password may be in.
const natsPassword = "SUPERVISIOND_NATS_PASSWORD"

// beyondPickup is what the answer to a pickup may take besides pickup.timeout: 2 s for the PBX, and a second on the way.
const beyondPickup = 3 * time.Second

func newWatch() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Watch groups, people and ringing calls in the terminal, and pick up, join and leave",
		Long: "Watch groups, people and ringing calls in the terminal, live over NATS. With --as PERSON it shows what that person may\n" +
			"see, and picks up, joins and leaves as that person; without, it shows everything and changes nothing.\n" +
			"Where the output is no terminal it prints how things are now, and ends.",
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	as := cmd.Flags().String("as", "", "the `person` as whom to watch, pick up, join and leave")
	user := cmd.Flags().String("user", "", "the NATS user to log in as")
	passwordFile := cmd.Flags().String("password-file", "", "the `file` with that user's password; or the variable "+natsPassword)
	url := cmd.Flags().String("nats", "", "the `URL` of the NATS server, if not as configured")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		v := app.Visitor{URL: *url, User: *user, As: supervision.PersonID(*as)}
		if v.Password, err = visitorPassword(*user, *passwordFile); err != nil {
			return err
		}
		return watchSite(cmd.Context(), cfg, v)
	}
	return cmd
}

func watchSite(ctx context.Context, cfg *config.Config, v app.Visitor) error {
	connect, err := app.VisitNATS(cfg, v)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return watch.Run(ctx, watch.Options{
		Feed: feed.Options{Site: cfg.Site, As: v.As, Connect: connect, PickupTime: cfg.Pickup.Timeout + beyondPickup},
		In:   os.Stdin, Out: os.Stdout, Env: os.Environ(),
	})
}

// visitorPassword is the password of the user who logs in.
func visitorPassword(user, file string) (string, error) {
	switch {
	case user == "" && file != "":
		return "", errors.New("--password-file is for --user: name both")
	case user == "":
		return "", nil
	case file == "":
		if password := os.Getenv(natsPassword); password != "" {
			return password, nil
		}
		return "", fmt.Errorf("the password of %s is missing: put it into the variable %s, or name a file with --password-file", user, natsPassword)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r"), nil
}
