package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"supervisiond/app"
	"supervisiond/config"
)

func newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon in the foreground",
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		return run(cmd.Context(), cfg)
	}
	return cmd
}

// run runs the daemon until a signal ends it. A second signal ends the process at once.
func run(ctx context.Context, cfg *config.Config) error {
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	log := newLogger(os.Stderr, cfg.Log.Format, level)

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	a, err := app.New(cfg, app.Options{Log: log, Level: level})
	if err != nil {
		return err
	}
	go func() {
		for {
			select {
			case <-hangups:
				a.ReloadAndLog(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return a.Run(ctx)
}

func newLogger(w io.Writer, format config.LogFormat, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
