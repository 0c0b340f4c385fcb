package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSecretIsNotShown(t *testing.T) {
	secret := NewSecret("hunter2")
	if secret.Reveal() != "hunter2" || secret.IsEmpty() || !(Secret{}).IsEmpty() {
		t.Error("a secret does not keep its value")
	}
	holder := struct {
		Shown  Secret
		hidden Secret
	}{secret, secret}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", secret, &secret, holder)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", secret, "holder", holder)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", secret, "holder", holder)
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := marshal(holder)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	// 68756e74657232 is hunter2 to %x, and 104 117 its beginning to %d.
	for _, leak := range []string{"hunter2", "68756e74657232", "68756E74657232", "104 117"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%s in %s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), "secret=[redacted]") {
		t.Errorf("logged as %s", out.String())
	}
}
