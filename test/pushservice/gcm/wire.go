package gcm

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// protocol is the version that each side sends first (connection_handler_impl.cc).
const protocol = 41

// The kinds of messages on a stream, which are named by a byte before each (mcs_util.cc).
const (
	heartbeatPing = 0
	heartbeatAck  = 1
	loginRequest  = 2
	loginResponse = 3
	closing       = 4
	info          = 7
	dataMessage   = 8
)

// received is in which field a kind says up to which message of the other side all has come (mcs.proto: last_stream_id_received).
var received = map[byte]protowire.Number{heartbeatPing: 2, heartbeatAck: 2, info: 10, dataMessage: 11}

// maxPacket is how long a message may be, in bytes; Chromium's own are of a few hundred.
const maxPacket = 1 << 16

// field is one of a message in Protocol Buffers: a number, or bytes.
type field struct {
	number protowire.Number
	value  uint64
	bytes  []byte
}

// readPacket reads a message with its kind: a byte, the length as a varint, and the fields.
func readPacket(r *bufio.Reader) (kind byte, fields []field, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, err
	}
	if n > maxPacket {
		return 0, nil, fmt.Errorf("a message of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, nil, err
	}
	fields, err = parse(b)
	return kind, fields, err
}

func parse(b []byte) ([]field, error) {
	var all []field
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		all = append(all, f)
	}
	return all, nil
}

// first is the first field with a number, or one that is empty.
func first(fields []field, number protowire.Number) field {
	for _, f := range fields {
		if f.number == number {
			return f
		}
	}
	return field{}
}

func packet(kind byte, message []byte) []byte {
	return protowire.AppendBytes([]byte{kind}, message)
}

func appendText(b []byte, number protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), text)
}

func appendNumber(b []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), value)
}

func appendFixed(b []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, number, protowire.Fixed64Type), value)
}

// appendEntry appends a name and a value, as a message of its own.
func appendEntry(b []byte, number protowire.Number, name, value string) []byte {
	return appendText(b, number, string(appendText(appendText(nil, 1, name), 2, value)))
}
