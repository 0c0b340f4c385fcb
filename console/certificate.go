package console

import (
	"crypto/tls"
	"log/slog"
	"sync"
)

// keyPair is the certificate of the server, read at each handshake: a renewed one needs no restart.
type keyPair struct {
	cert, key string
	log       *slog.Logger

	mu   sync.Mutex
	last *tls.Certificate // the last good one
	said string           // what was wrong with the newest
}

// serverTLS is nil if there is to be no TLS.
func serverTLS(cert, key string, log *slog.Logger) (*tls.Config, error) {
	if cert == "" {
		return nil, nil
	}
	c := &keyPair{cert: cert, key: key, log: log}
	first, err := tls.LoadX509KeyPair(cert, key)
	c.last = &first
	return &tls.Config{GetCertificate: c.read, MinVersion: tls.VersionTLS12}, err
}

// read goes on with the last good one while what is in the files cannot be used: a renewal writes one after the other.
func (c *keyPair) read(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, err := tls.LoadX509KeyPair(c.cert, c.key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.last, c.said = &now, ""
		return c.last, nil
	}
	if c.said != err.Error() {
		c.said = err.Error()
		c.log.Error("http.tls: the certificate cannot be used, so the one before it is; write both files anew", "error", err)
	}
	return c.last, nil
}
