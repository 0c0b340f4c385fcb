package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"supervisiond/app"
	"supervisiond/config"
)

func newNATSPermissions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nats-permissions",
		Short: "Print users and permissions for an external NATS server",
		Long: "Print users and their permissions as a nats-server reads them: the daemon, the programs of nats.embedded.users, and\n" +
			"each person who has a password. Include the output in the server's configuration, or copy it there.",
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		return printNATSPermissions(cmd.OutOrStdout(), cfg)
	}
	return cmd
}

func printNATSPermissions(out io.Writer, cfg *config.Config) error {
	text, err := app.NATSPermissions(cfg)
	if err == nil {
		_, err = fmt.Fprint(out, text)
	}
	return err
}
