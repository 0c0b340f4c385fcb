package front

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"supervisiond/sip/digest"
)

func newTestGate() *gate {
	key := []byte("0123456789abcdef0123456789abcdef")
	g := newGate(key, digest.New("hq", key), newMetrics(prometheus.NewRegistry()))
	g.allowed = []string{"ACK", "CANCEL", "INVITE", "OPTIONS", "PUBLISH", "REGISTER", "SUBSCRIBE"}
	return g
}

// torture says how each message of RFC 4475 is answered that comes from a stranger; empty: not at all, as it is a response. Those that
// RFC calls valid are asked for a secret, as are those that an element may take or whose fault lies in what only handlers look at. How
// somebody is answered who has one, with the section for each, is in the torture test of the whole server.
var torture = map[string]string{
	"badaspec":   "400 Bad To",
	"badbranch":  "401 Unauthorized",
	"baddate":    "401 Unauthorized",
	"baddn":      "400 Bad From",
	"badinv01":   "400 Bad Via",
	"badvers":    "505 Version Not Supported",
	"bcast":      "",
	"bext01":     "420 Bad Extension",
	"bigcode":    "",
	"clerr":      "400 Bad Content-Length",
	"cparam01":   "401 Unauthorized",
	"cparam02":   "401 Unauthorized",
	"dblreq":     "401 Unauthorized",
	"esc01":      "401 Unauthorized",
	"esc02":      "501 Not Implemented",
	"escnull":    "401 Unauthorized",
	"escruri":    "400 Bad Request-URI",
	"insuf":      "400 Bad Request: From Missing",
	"intmeth":    "501 Not Implemented",
	"inv2543":    "400 Bad From: Tag Missing",
	"invut":      "401 Unauthorized",
	"longreq":    "401 Unauthorized",
	"ltgtruri":   "400 Bad Request Line",
	"lwsdisp":    "401 Unauthorized",
	"lwsruri":    "400 Bad Request Line",
	"lwsstart":   "400 Bad Request Line",
	"mcl01":      "400 Bad Request: Content-Length Given Twice",
	"mismatch01": "400 Bad CSeq",
	"mismatch02": "501 Not Implemented",
	"mpart01":    "405 Method Not Allowed",
	"multi01":    "400 Bad Request: From Given Twice",
	"ncl":        "400 Bad Content-Length",
	"noreason":   "",
	"novelsc":    "416 Unsupported URI Scheme",
	"quotbal":    "400 Bad To",
	"regaut01":   "401 Unauthorized",
	"regbadct":   "400 Bad Contact",
	"regescrt":   "401 Unauthorized",
	"scalar02":   "400 Bad CSeq",
	"scalarlg":   "",
	"sdp01":      "401 Unauthorized",
	"semiuri":    "401 Unauthorized",
	"transports": "401 Unauthorized",
	"trws":       "400 Bad Request Line",
	"unkscm":     "416 Unsupported URI Scheme",
	"unksm2":     "401 Unauthorized",
	"unreason":   "",
	"wsinv":      "401 Unauthorized",
	"zeromf":     "401 Unauthorized",
}

func TestTortureMessages(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) != 49 {
		t.Fatalf("%d of the 49 messages are here: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := newTestGate().judge(data, origin{from: netip.MustParseAddrPort("192.0.2.1:5060")})
		line, rest, _ := strings.Cut(string(v.answer), "\r\n")
		got := strings.TrimPrefix(line, "SIP/2.0 ")
		if want, has := torture[name]; !has || got != want || v.pass {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		if m := scan(v.answer); v.answer != nil && (m == nil || m.flaw != "" || strings.Contains(rest, "\n\n")) {
			t.Errorf("%s: the answer is no message: %q", name, v.answer)
		}
	}
}
