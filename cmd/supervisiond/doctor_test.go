package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestPrinter(t *testing.T) {
	var out bytes.Buffer
	p := &printer{out: &out}
	p.Pass("Asterisk answers")
	p.Warn("the disk is full", "make room")
	p.Fail("phones cannot dial the feature codes: "+strings.Repeat("x", 50)+" does not lead to supervision",
		"see the PBX's own: asterisk -rx 'dialplan show *20@internal and then a lot more in one command that cannot be cut in two', and mend it")
	p.Warn("NATS server \"a\x1b[2J\nb\"", "none")
	p.sum()
	want := `PASS  Asterisk answers
WARN  the disk is full
      > make room
FAIL  phones cannot dial the feature codes: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx does
      not lead to supervision
      > see the PBX's own: asterisk -rx
        'dialplan show *20@internal and then a lot more in one command that cannot be cut in two',
        and mend it
WARN  NATS server "a[2Jb"
      > none
1 passed, 2 warnings, 1 failed
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// A site where nothing is there yet: doctor says so, with exit code 1 and nothing on stderr.
func TestDoctorWithoutAnything(t *testing.T) {
	file := writeConfig(t, `
site: hq
asterisk: {ari: {url: "http://127.0.0.1:1/ari", username: u, password: hush-hush}}
nats: {url: "nats://127.0.0.1:1", user: daemon, password: hush-hush}
http: {listen: 127.0.0.1:0}
`)
	got := supervisiond(t, "", "doctor", "--config", file)
	if got.exit != 1 || got.stderr != "" || strings.Contains(got.stdout, "hush") || !strings.HasSuffix(got.stdout, " 2 failed\n") {
		t.Errorf("got %+v", got)
	}
}
