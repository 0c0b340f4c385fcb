package acceptance

import (
	"fmt"
	"path/filepath"
	"testing"
)

// S3, RFC 3903, 4480: do-not-disturb as softphones and phones publish it, each in its own way, is its owner's presence, and so is that of
// the line at the PBX. Phones that watch are told busy, with a note in the words of whose phone it is.
func TestSIPDoNotDisturb(t *testing.T) {
	t.Parallel()
	s := newSite(t, withSIP(withCommanders(t, same), "anna", "ben"))
	s.storeIsRead()
	s.phone("102")
	watcher, soft := s.sipPhone("anna", "udp", nil), s.sipPhone("ben", "udp", nil)
	watcher.subscribes("ben", "presence", "")
	_, seen := watcher.notified(0, "NOTIFY", "<basic>open</basic>", ">Online</note>")
	is := func(from int, state, source string) {
		t.Helper()
		s.presence(from, "ben", state, source)
		words := []string{"<basic>open</basic>", ">Do not disturb</note>", ">Do not disturb</dm:note>", "<rpid:busy/>"}
		if state == "online" {
			words = []string{"<basic>open</basic>", ">Online</note>", "-Do not disturb", "-busy"}
		}
		_, seen = watcher.notified(seen, "NOTIFY", words...)
	}
	says := func(tag, document string, seconds int) string {
		t.Helper()
		more := fmt.Sprintf("Event: presence\r\nExpires: %d\r\n", seconds)
		if tag != "" {
			more += "SIP-If-Match: " + tag + "\r\n"
		}
		if document != "" {
			more += "Content-Type: application/pidf+xml\r\n\r\n" + document
		}
		m := soft.ask(soft.dialog("102"), "PUBLISH", more)
		if m.status() != "200" {
			t.Errorf("it is answered %s:\n%s", m, document)
		}
		return m.header.Get("Sip-Etag")
	}

	files, err := filepath.Glob("../../sip/body/testdata/published/*_dnd*.xml")
	if err != nil || len(files) < 6 {
		t.Fatal("the documents that phones publish are not there: ", files, err)
	}
	online := s.readFile("../../sip/body/testdata/published/baresip_open.xml")
	tag := ""
	for _, file := range files {
		t.Log(filepath.Base(file))
		mark := s.watch.mark()
		tag = says(tag, s.readFile(file), 120)
		is(mark, "dnd", "client")
		mark = s.watch.mark()
		if file == files[len(files)-1] {
			says(tag, "", 0)
		} else {
			tag = says(tag, online, 120)
		}
		is(mark, "online", "endpoint")
	}
	for _, on := range []bool{true, false} {
		mark := s.watch.mark()
		s.done("ben", "dnd.set", fmt.Sprintf(`{"person":"ben","on":%v}`, on), true)
		if on {
			is(mark, "dnd", "dnd")
		} else {
			is(mark, "online", "endpoint")
		}
	}
}
