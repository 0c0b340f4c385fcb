// Command supervisiond gives an Asterisk PBX call supervision. It holds flags, signals and exit codes; the daemon
// itself is package app.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"supervisiond/config"
)

func main() {
	if err := newRoot().Execute(); err != nil {
		report(err)
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "supervisiond",
		Short:         "Call supervision for Asterisk",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newCheck(), newDialplan(), newDoctor(), newHashPassword(), newInit(), newNATSPermissions(), newWatch(), newVersion())
	return root
}

// report prints mistakes of the configuration as they are, so that editors and terminals can jump to them.
func report(err error) {
	if errors.Is(err, errUnwell) {
		return // all of it has been said
	}
	if mistakes, ok := errors.AsType[config.Errors](err); ok {
		fmt.Fprintln(os.Stderr, mistakes)
		return
	}
	fmt.Fprintln(os.Stderr, "supervisiond:", err)
}

// configFlag gives a command the flag that names the configuration.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", "/etc/supervisiond/config.yml", "the configuration `file`")
}
