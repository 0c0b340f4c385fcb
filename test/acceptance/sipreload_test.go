package acceptance

import (
	"strings"
	"testing"
	"time"

	"supervisiond/test/lampboard"
)

// G10: who is new subscribes after a reload, without a restart; who is removed is told that it is over, and is nobody any more; the
// listeners change with a start only.
func TestSIPReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, func() options { o := withSIP(options{}, "anna", "ben"); o.linked = true; return o }())
	refused := func(user, code string) {
		t.Helper()
		_, err := s.board(user).Subscribe(s.ctx(), "102", "dialog", "")
		if r, ok := err.(*lampboard.Refused); !ok || r.Code != code { //nolint:errorlint // as documented
			t.Errorf("%s subscribes: %v, want %s", user, err, code)
		}
	}
	anna, ben := s.board("anna"), s.board("ben")
	annas, bens := s.subscribed(anna, "102", "dialog", ""), s.subscribed(ben, "102", "dialog", "")
	s.lampShows(annas, "active;")
	s.lampShows(bens, "active;")
	refused("emil", "401")

	s.reload(func(yaml string) string { return withSecret(yaml, "emil") })
	emils := s.subscribed(s.board("emil"), "102", "dialog", "")
	s.lampShows(emils, "active;")

	// anna is removed, and with her what her phone was told; ben is not disturbed.
	s.reload(func(yaml string) string {
		var kept []string
		for line := range strings.SplitSeq(yaml, "\n") {
			if !strings.HasPrefix(line, "  anna:") {
				kept = append(kept, strings.ReplaceAll(strings.ReplaceAll(line, "{person: anna, admin: true}, ", ""), "anna, ", ""))
			}
		}
		return strings.Join(kept, "\n")
	})
	s.lampShows(annas, "terminated;reason=rejected")
	if err := annas.Refresh(s.ctx(), time.Hour, nil); err == nil {
		t.Error("a removed person's phone may refresh")
	}
	refused("anna", "401")
	s.must("refresh", bens.Refresh(s.ctx(), time.Hour, nil))

	line := len(s.daemon.log())
	s.change(s.with("sip: {listen: [", "sip: {list: compact, listen: ["))
	s.hangUpSignal(reloaded)
	s.daemon.loggedFrom(line, "this part of the configuration changes with the next start only")
}
