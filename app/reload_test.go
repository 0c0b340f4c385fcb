package app

import (
	"slices"
	"testing"

	"supervisiond/config"
)

// The form of the log changes with the next start and its level at once.
func TestWhatNeedsARestartIsSaid(t *testing.T) {
	old := &config.Config{Log: config.Log{Format: config.LogText}}
	next := &config.Config{Log: config.Log{Format: config.LogJSON, Level: 4}}
	if parts := fixedParts(old, next); !slices.Equal(parts, []string{"log.format"}) {
		t.Errorf("%q", parts)
	}
}
