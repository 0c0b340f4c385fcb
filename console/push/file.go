package push

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"supervisiond/supervision"
)

// openTime is how long the file may be held by a daemon that is just ending.
const openTime = 2 * time.Second

// The file's buckets, and what stands in them besides subscriptions by endpoint.
var (
	keysBucket          = []byte("keys")
	subscriptionsBucket = []byte("subscriptions")
	ringsBucket         = []byte("rings")

	vapidKey = []byte("vapid")
	toldKey  = []byte("told")
	lastKey  = []byte("last")
)

// file keeps the daemon's key, the subscriptions, who was told of which calls, and last messages that wait, so that they outlive
// the daemon. Nil: it keeps nothing.
type file struct{ db *bbolt.DB }

// kept is what a file has in it.
type kept struct {
	key           *ecdh.PrivateKey
	subscriptions []*Subscription
	told          map[supervision.PersonID][]supervision.CallID
	last          []lastMessage
}

// openFile opens the file, or makes it with a new key.
func openFile(path string) (*file, kept, error) {
	var k kept
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, k, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: openTime})
	if err != nil {
		return nil, k, fmt.Errorf("%s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{keysBucket, subscriptionsBucket, ringsBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return k.read(tx)
	})
	if err != nil {
		return nil, kept{}, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &file{db}, k, nil
}

func (k *kept) read(tx *bbolt.Tx) error {
	var err error
	if secret := tx.Bucket(keysBucket).Get(vapidKey); secret != nil {
		k.key, err = ecdh.P256().NewPrivateKey(secret)
	} else if k.key, err = newKey(); err == nil {
		err = tx.Bucket(keysBucket).Put(vapidKey, k.key.Bytes())
	}
	if err != nil {
		return err
	}
	err = tx.Bucket(subscriptionsBucket).ForEach(func(_, value []byte) error {
		var s Subscription
		if err := json.Unmarshal(value, &s); err != nil {
			return err
		}
		k.subscriptions = append(k.subscriptions, &s)
		return nil
	})
	if value := tx.Bucket(ringsBucket).Get(toldKey); err == nil && value != nil {
		err = json.Unmarshal(value, &k.told)
	}
	if value := tx.Bucket(ringsBucket).Get(lastKey); err == nil && value != nil {
		err = json.Unmarshal(value, &k.last)
	}
	return err
}

func newKey() (*ecdh.PrivateKey, error) { return ecdh.P256().GenerateKey(rand.Reader) }

func encodeKey(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// change puts a subscription and removes others, at once.
func (f *file) change(put *Subscription, remove []*Subscription) error {
	if f == nil {
		return nil
	}
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(subscriptionsBucket)
		for _, s := range remove {
			if err := b.Delete([]byte(s.Endpoint)); err != nil {
				return err
			}
		}
		if put == nil {
			return nil
		}
		value, err := json.Marshal(put)
		if err != nil {
			return err
		}
		return b.Put([]byte(put.Endpoint), value)
	})
}

func (f *file) saveTold(told map[supervision.PersonID][]supervision.CallID, last []lastMessage) error {
	if f == nil {
		return nil
	}
	calls, err := json.Marshal(told)
	if err != nil {
		return err
	}
	messages, err := json.Marshal(last)
	if err != nil {
		return err
	}
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(ringsBucket)
		return errors.Join(b.Put(toldKey, calls), b.Put(lastKey, messages))
	})
}

func (f *file) close() error {
	if f == nil {
		return nil
	}
	return f.db.Close()
}
