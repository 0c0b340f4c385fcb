package config

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
)

// path resolves the name of a file or folder from the folder of the configuration.
func (c *checker) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.folder, name)
}

// file reads a file that is given.
func (c *checker) file(t text) ([]byte, bool) {
	if !t.given || !c.required(t) {
		return nil, false
	}
	content, err := c.readFile(c.path(t.value))
	if err != nil {
		c.add(t.place, "%s cannot be read: %s", quote(t.value), reason(err))
		return nil, false
	}
	return content, true
}

// authorities checks a file of certificates that are trusted.
func (c *checker) authorities(t text) string {
	content, ok := c.file(t)
	if !ok {
		return ""
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		c.add(t.place, "no certificate in it: it must hold one or more, as PEM")
	}
	return c.path(t.value)
}

// certificate checks that a certificate and its key come together and belong together.
func (c *checker) certificate(certFile, keyFile text) (cert, key string) {
	switch {
	case certFile.given && !keyFile.given:
		c.add(keyFile.place, "missing: a certificate needs its key")
	case keyFile.given && !certFile.given:
		c.add(certFile.place, "missing: a key needs its certificate")
	}
	certPEM, certRead := c.file(certFile)
	keyPEM, keyRead := c.file(keyFile)
	if !certRead || !keyRead {
		return "", ""
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		c.add(certFile.place, "cannot be used with the key on line %d: %s", keyFile.line, err)
	}
	return c.path(certFile.value), c.path(keyFile.value)
}

func (c *checker) serverTLS(r rawServerTLS) ServerTLS {
	cert, key := c.certificate(r.certFile, r.keyFile)
	return ServerTLS{CertFile: cert, KeyFile: key}
}

func (c *checker) clientTLS(r rawClientTLS) ClientTLS {
	cert, key := c.certificate(r.certFile, r.keyFile)
	return ClientTLS{CAFile: c.authorities(r.caFile), CertFile: cert, KeyFile: key}
}

// given tells whether there is meant to be TLS, whether or not it is in order.
func (r rawServerTLS) given() bool { return r.certFile.given || r.keyFile.given }
