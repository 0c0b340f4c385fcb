package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected errors in testdata")

// TestGolden parses config.yml of each archive in testdata and compares what is wrong with it to the section errors;
// that is missing where nothing is wrong. Other sections: env, a NAME=VALUE a line, and files that the configuration
// names. The PEM files of [pems] are there always.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			c := readCase(archive)
			var got string
			if _, err := Parse("config.yml", c.text, c.lookup, c.readFile); err != nil {
				got = err.Error() + "\n"
			}
			if *update {
				c.rewrite(t, name, archive, got)
			} else if got != c.errors {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.errors)
			}
		})
	}
}

// testCase is the content of an archive.
type testCase struct {
	text   []byte
	env    map[string]string
	files  map[string][]byte
	errors string
}

func readCase(archive *txtar.Archive) *testCase {
	c := &testCase{env: make(map[string]string), files: make(map[string][]byte)}
	for _, f := range archive.Files {
		switch f.Name {
		case "config.yml":
			c.text = f.Data
		case "errors":
			c.errors = string(f.Data)
		case "env":
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				c.env[name] = value
			}
		default:
			c.files[f.Name] = f.Data
		}
	}
	return c
}

func (c *testCase) lookup(name string) (string, bool) {
	value, ok := c.env[name]
	return value, ok
}

func (c *testCase) readFile(name string) ([]byte, error) {
	if content, ok := c.files[name]; ok {
		return content, nil
	}
	if content, ok := pems()[name]; ok {
		return content, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("no such file or directory")}
}

func (c *testCase) rewrite(t *testing.T, name string, archive *txtar.Archive, got string) {
	t.Helper()
	kept := archive.Files[:0]
	for _, f := range archive.Files {
		if f.Name != "errors" {
			kept = append(kept, f)
		}
	}
	if archive.Files = kept; got != "" {
		archive.Files = append(archive.Files, txtar.File{Name: "errors", Data: []byte(got)})
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pems are cert.pem and key.pem, which belong together, and other.pem, the key of something else.
var pems = sync.OnceValue(func() map[string][]byte {
	key, keyPEM := newKey()
	_, other := newKey()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return map[string][]byte{"cert.pem": cert, "key.pem": keyPEM, "other.pem": other}
})

func newKey() (*ecdsa.PrivateKey, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
