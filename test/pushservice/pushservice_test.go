package pushservice

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The message of RFC 8291, section 5 and appendix A.
func TestDecryptsTheMessageOfTheRFC(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(decoded(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	k := &keys{private, decoded(t, "BTBZMqHH6r4Tts7J_aSIgg")}
	body := decoded(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	text, err := k.decrypt(body)
	if err != nil || string(text) != "When I grow up, I want to be a watermelon" {
		t.Errorf("%q, %v", text, err)
	}
	for i := range body {
		wrong := bytes.Clone(body)
		wrong[i] ^= 1
		// The record's size has no part in the keys: one that is larger changes nothing.
		if text, err := k.decrypt(wrong); err == nil && (i < saltLength || i >= saltLength+4) {
			t.Errorf("with byte %d changed it is %q", i, text)
		}
		if text, err := k.decrypt(body[:i]); err == nil {
			t.Errorf("the first %d bytes are %q", i, text)
		}
	}
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The token of RFC 8292, section 2.4, is signed as it should be, and has long ended.
func TestReadsTheTokenOfTheRFC(t *testing.T) {
	const header = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
	token, err := readToken(header, "")
	if err != nil || token.Audience != "https://push.example.net" || token.Contact != "mailto:push@example.com" || token.Expires != 1453523768 {
		t.Errorf("%+v, %v", token, err)
	}
	if err := token.good("https://push.example.net"); err == nil {
		t.Error("a token of 2016 is good")
	}
	if _, err := readToken(strings.Replace(header, ".i3CY", ".i3CZ", 1), ""); err == nil {
		t.Error("a signature that was changed is good")
	}
}

// sender has a key by which it is known.
type sender struct {
	key    *ecdsa.PrivateKey
	public string
}

func newSender(t *testing.T) sender {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return sender{key, encoded(point)}
}

func (s sender) authorization(t *testing.T, audience, contact string, expires time.Time) string {
	t.Helper()
	claims, err := json.Marshal(token{Audience: audience, Contact: contact, Expires: expires.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	signed := encoded([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + encoded(claims)
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return "vapid t=" + signed + "." + encoded(append(padded(r), padded(v)...)) + ", k=" + s.public
}

func padded(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

// What breaks a rule is turned away, and told.
func TestTurnsAwayWhatBreaksARule(t *testing.T) {
	s := Start(t)
	from, other := newSender(t), newSender(t)
	u := s.Subscribe(from.public)
	soon := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		change func(http.Header)
		want   int
	}{
		"no TTL":           {func(h http.Header) { h.Del("TTL") }, http.StatusBadRequest},
		"a long topic":     {func(h http.Header) { h.Set("Topic", strings.Repeat("x", 33)) }, http.StatusBadRequest},
		"another encoding": {func(h http.Header) { h.Set("Content-Encoding", "aesgcm") }, http.StatusUnsupportedMediaType},
		"no token":         {func(h http.Header) { h.Del("Authorization") }, http.StatusForbidden},
		"another sender": {func(h http.Header) {
			h.Set("Authorization", other.authorization(t, s.Origin(), "mailto:a@b.example", soon))
		}, http.StatusForbidden},
		"for somebody else": {func(h http.Header) {
			h.Set("Authorization", from.authorization(t, "https://x.example", "mailto:a@b.example", soon))
		}, http.StatusForbidden},
		"for two days": {func(h http.Header) {
			h.Set("Authorization", from.authorization(t, s.Origin(), "mailto:a@b.example", time.Now().Add(48*time.Hour)))
		}, http.StatusForbidden},
		"no contact":       {func(h http.Header) { h.Set("Authorization", from.authorization(t, s.Origin(), "", soon)) }, http.StatusForbidden},
		"nothing but this": {func(http.Header) {}, http.StatusBadRequest}, // it cannot be decrypted
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.Endpoint(), strings.NewReader("no message"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("TTL", "60")
		r.Header.Set("Content-Encoding", "aes128gcm")
		r.Header.Set("Authorization", from.authorization(t, s.Origin(), "mailto:a@b.example", soon))
		c.change(r.Header)
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, c.want)
		}
	}
	if n := len(s.Faults()); n != 9 || len(u.Messages()) != 0 {
		t.Errorf("%d faults, %d messages", n, len(u.Messages()))
	}
}
