// Package console is the daemon's HTTP side: the API with its event streams and sessions, the attendant console (console/web), and the
// health, readiness and metrics that an operator's tools ask for.
package console
