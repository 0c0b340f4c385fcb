package pushservice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// token is by what a sender says who it is (RFC 8292).
type token struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Contact  string `json:"sub"`
}

// readToken reads an Authorization header, and proves that the token in it was signed with the application server's key.
func readToken(header, applicationKey string) (token, error) {
	var t token
	jwt, key, err := credentials(header)
	if err != nil {
		return t, err
	}
	if applicationKey != "" && key != applicationKey {
		return t, fmt.Errorf("it is signed with %s, and the browser subscribed for %s", key, applicationKey)
	}
	public, err := publicKey(key)
	if err != nil {
		return t, err
	}
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return t, errors.New("the token is none")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return t, errors.New("the signature has not 64 bytes (RFC 7518, 3.4)")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return t, errors.New("the signature is wrong")
	}
	var head struct{ Alg, Typ string }
	if err := decode(parts[0], &head); err != nil || head.Alg != "ES256" {
		return t, fmt.Errorf("the token's head is %+v (%w)", head, err)
	}
	return t, decode(parts[1], &t)
}

// credentials takes an Authorization header apart: vapid t=…, k=….
func credentials(header string) (jwt, key string, err error) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "vapid") {
		return "", "", fmt.Errorf("the scheme is %q, not vapid", scheme)
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			jwt = value
		case "k":
			key = value
		}
	}
	return jwt, key, nil
}

// publicKey reads a point as PushManager.subscribe takes it: uncompressed, in base64url without padding.
func publicKey(key string) (*ecdsa.PublicKey, error) {
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

func decode(part string, to any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// good says what a push service finds wrong with a token: it must be for it, for no more than a day, and name a contact.
func (t token) good(origin string) error {
	left := time.Until(time.Unix(t.Expires, 0))
	contact, err := url.Parse(t.Contact)
	switch {
	case t.Audience != origin:
		return fmt.Errorf("the token is for %q, not for %s", t.Audience, origin)
	case left <= 0 || left > 24*time.Hour:
		return fmt.Errorf("the token ends in %s", left)
	case err != nil || contact.Scheme != "mailto" && (contact.Scheme != "https" || contact.Host == ""):
		return fmt.Errorf("the token's contact is %q", t.Contact)
	}
	return nil
}
