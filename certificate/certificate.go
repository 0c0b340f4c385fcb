// Package certificate is the certificate of a server, renewed while it serves: both files are read at each handshake.
package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
)

type pair struct {
	setting, cert, key string
	log                *slog.Logger

	mu   sync.Mutex
	last *tls.Certificate // the last good one
	said string           // what was wrong with the newest
}

// TLS is what a server with this certificate and key speaks: TLS 1.2 and 1.3. It is nil where there are no files, and an error
// where they cannot be used now. The setting names them to people, as in http.tls.
func TLS(setting, certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	first, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("%s: the certificate cannot be used: %w: check the certificate file and the key file", setting, err)
	}
	p := &pair{setting: setting, cert: certFile, key: keyFile, log: log, last: &first}
	return &tls.Config{GetCertificate: p.read, MinVersion: tls.VersionTLS12}, nil
}

// read goes on with the last good one while what is in the files cannot be used: a renewal writes one after the other.
func (p *pair) read(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, err := tls.LoadX509KeyPair(p.cert, p.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.last, p.said = &now, ""
		return p.last, nil
	}
	if p.said != err.Error() {
		p.said = err.Error()
		p.log.Error("the certificate cannot be used, so the one before it is; write both files anew", "setting", p.setting, "error", err)
	}
	return p.last, nil
}
