// Package web holds the attendant console as browsers get it: built, and embedded in the daemon.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are those of the console, with index.html at the root. What is below assets has a digest of its content in its name.
func Files() (fs.FS, error) { return fs.Sub(dist, "dist") }
