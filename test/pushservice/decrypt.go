package pushservice

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// keys are a browser's: with them its messages are encrypted (RFC 8291).
type keys struct {
	private *ecdh.PrivateKey
	auth    []byte
}

func newKeys() (*keys, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	auth := make([]byte, 16)
	_, _ = rand.Read(auth) // it never fails
	return &keys{private, auth}, nil
}

const (
	saltLength = 16
	// headLength is that of a body's head but for the sender's key: salt, size of a record, length of the key (RFC 8188, 2.1).
	headLength = saltLength + 4 + 1
	tagLength  = 16
)

// decrypt gives what a body says (RFC 8291, 3.4 and 4: one record, and it is the last).
func (k *keys) decrypt(body []byte) ([]byte, error) {
	if len(body) < headLength || len(body) < headLength+int(body[headLength-1]) {
		return nil, errors.New("it is too short")
	}
	salt, size := body[:saltLength], binary.BigEndian.Uint32(body[saltLength:])
	sender, record := body[headLength:headLength+int(body[headLength-1])], body[headLength+int(body[headLength-1]):]
	if size < tagLength+2 || len(record) > int(size) {
		return nil, fmt.Errorf("it has more than one record: %d bytes of %d each", len(record), size)
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := k.private.ECDH(public)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(k.private.PublicKey().Bytes()) + string(sender)
	material, err := hkdf.Key(sha256.New, shared, k.auth, info, 32)
	if err != nil {
		return nil, err
	}
	plain, err := openRecord(material, salt, record)
	if err != nil {
		return nil, err
	}
	plain = bytes.TrimRight(plain, "\x00")
	if !bytes.HasSuffix(plain, []byte{2}) {
		return nil, errors.New("it does not end as a last record does")
	}
	return plain[:len(plain)-1], nil
}

// openRecord decrypts the first record of a body (RFC 8188, 2.2 and 2.3).
func openRecord(material, salt, record []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, material, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, material, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, nonce, record, nil)
}
