package app

import (
	"context"
	"os"

	"supervisiond/ari"
	"supervisiond/config"
	"supervisiond/config/first"
)

// Init asks a PBX for its endpoints, and writes a first configuration of them. It only reads there. The error is
// config.Errors if what was given is not possible, and ARI's if the PBX does not tell.
func Init(ctx context.Context, f first.Facts) (first.Draft, error) {
	f.Endpoints = nil
	_, cfg, err := draft(f)
	if err != nil {
		return first.Draft{}, err
	}
	known, err := ari.Survey(ctx, ariServer(cfg))
	if err != nil {
		return first.Draft{}, err
	}
	for _, e := range known {
		f.Endpoints = append(f.Endpoints, first.Endpoint{
			Name: e.Name, Context: e.Context, CallerName: e.CallerName, CallerNumber: e.CallerNumber, OutboundAuth: e.OutboundAuth,
		})
	}
	d, _, err := draft(f)
	return d, err
}

// draft writes a configuration and reads it as `check` does: what is handed out is right.
func draft(f first.Facts) (first.Draft, *config.Config, error) {
	d, err := first.Write(f)
	if err != nil {
		return first.Draft{}, nil, err
	}
	cfg, err := config.Parse("", []byte(d.Text), os.LookupEnv, os.ReadFile)
	if err != nil {
		return first.Draft{}, nil, err
	}
	return d, cfg, nil
}
