package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"supervisiond/app"
	"supervisiond/ari"
	"supervisiond/config"
)

func newDialplan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dialplan",
		Short: "Print the dialplan that extensions.conf is to include",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		text, err := ari.Dialplan(app.DialplanOptions(cfg))
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	}
	return cmd
}
