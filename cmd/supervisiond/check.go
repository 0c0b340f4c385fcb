package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"supervisiond/config"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration",
		Long:  "Validate the configuration and the files that it names. Every mistake is printed as FILE:LINE:COL: message.",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok: %s, %s\n", cfg.File,
			count(len(cfg.Directory.People()), "person", "people"), count(len(cfg.Directory.Groups()), "group", "groups"))
		return err
	}
	return cmd
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
