package config

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that must not show up in logs, error messages or dumps. Printing, logging and marshalling it give
// "[redacted]"; only [Secret.Reveal] gives the value.
type Secret struct {
	// A pointer, because fmt prints unexported fields of surrounding structs without asking for their methods, but
	// does not follow pointers there.
	value *string
}

// NewSecret wraps a value that is secret from now on.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns the value, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsEmpty tells whether there is no secret.
func (s Secret) IsEmpty() bool { return s.Reveal() == "" }

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// Format implements [fmt.Formatter], so that no verb gets at the value.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
