package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

const (
	// maxConfigSize is some twenty thousand people; more is a wrong file.
	maxConfigSize = 4 << 20
	// maxFileSize bounds the secrets, keys and certificates that a configuration names.
	maxFileSize = 1 << 20
)

// Load reads the configuration file at path, the environment and the files that it names. A failure is always Errors.
func Load(path string) (*Config, error) {
	text, err := readFile(path, maxConfigSize)
	if err != nil {
		return nil, Errors{{File: path, Line: 1, Col: 1, Message: "cannot be read: " + reason(err)}}
	}
	return Parse(path, text, os.LookupEnv, func(name string) ([]byte, error) { return readFile(name, maxFileSize) })
}

// Parse makes a Config of text, the content of the file called name. Environment variables are looked up with env, and
// the files that it names are read with readFile. A failure is always Errors, with every mistake there is.
func Parse(name string, text []byte, env func(string) (string, bool), readFile func(string) ([]byte, error)) (*Config, error) {
	r := &report{file: name}
	root := parseYAML(r, text)
	if len(r.errors) > 0 {
		return nil, r.sorted()
	}
	var raw rawConfig
	at := place{line: 1, col: 1}
	if isMapping(root) {
		at = placeOf(root, at)
	}
	(&decoder{r}).read(&raw, root, at)

	c := checker{report: r, env: env, readFile: readFile, folder: filepath.Dir(name)}
	cfg := c.config(&raw)
	if len(r.errors) > 0 {
		return nil, r.sorted()
	}
	return cfg, nil
}

// parseYAML returns the root of the one document in text, or reports why there is none.
func parseYAML(r *report, text []byte) *yaml.Node {
	start := place{line: 1, col: 1}
	if len(text) > maxConfigSize {
		r.add(start, "larger than %d MiB: is this the configuration?", maxConfigSize>>20)
		return nil
	}
	if !checkCharacters(r, text) {
		return nil
	}
	documents := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := documents.Decode(&first); {
	case errors.Is(err, io.EOF):
		r.add(start, "the configuration is empty: it needs at least site and asterisk")
		return nil
	case err != nil:
		reportSyntax(r, text, err)
		return nil
	}
	switch err := documents.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		reportSyntax(r, text, err)
	default:
		r.add(placeOf(&second, start), "a second YAML document: everything belongs into one, without --- between")
	}
	return first.Content[0]
}

func readFile(name string, most int64) (_ []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("it is larger than %d MiB", most>>20)
	}
	return text, nil
}

// reason is what went wrong with a file, without the name that the message has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
