// Package console is the daemon's HTTP side: today the health, readiness and metrics that an operator's tools ask for.
package console
