// Package schemas makes docs/schemas and docs/asyncapi.yaml out of the Go types of what goes over NATS. Its test compares
// the files with what it makes; to write them anew:
//
//	go test ./test/schemas -update
package schemas
