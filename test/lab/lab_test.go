package lab_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"supervisiond/test/lab"
)

// patience bounds every wait.
const patience = 30 * time.Second

// within bounds what a test waits for.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func ari(t *testing.T, pbx *lab.Asterisk, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, pbx.ARIURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(pbx.ARIUser(), pbx.ARIPassword())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func cli(t *testing.T, pbx *lab.Asterisk, command string) string {
	t.Helper()
	out, err := pbx.CLI(within(t), command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTwoSideBySide(t *testing.T) {
	t.Parallel()
	one := lab.Start(t, lab.Options{})
	two := lab.Start(t, lab.Options{ARIPassword: "other"})
	t.Logf("booted in %s and %s", one.BootTime(), two.BootTime())

	if one.ARIURL() == two.ARIURL() || one.SIPAddr() == two.SIPAddr() {
		t.Fatalf("two Asterisks on the same ports: %s, %s", one.ARIURL(), one.SIPAddr())
	}
	for _, pbx := range []*lab.Asterisk{one, two} {
		if code := ari(t, pbx, "/channels"); code != http.StatusOK {
			t.Errorf("ARI answers %d", code)
		}
	}
	cli(t, one, "database put LAB key one")
	if out := cli(t, two, "database get LAB key"); strings.Contains(out, "one") {
		t.Errorf("the second has the first's database: %s", out)
	}
}

func TestRestartKeepsPortsAndDatabase(t *testing.T) {
	t.Parallel()
	pbx := lab.Start(t, lab.Options{})
	url, sip := pbx.ARIURL(), pbx.SIPAddr()

	pbx.Kill()
	if pbx.Running() {
		t.Fatal("runs after Kill")
	}
	if _, err := pbx.CLI(within(t), "core show uptime"); err == nil {
		t.Fatal("the console of a killed Asterisk answers")
	}
	if err := pbx.Boot(within(t)); err != nil {
		t.Fatal(err)
	}
	cli(t, pbx, "database put LAB key kept")
	pbx.Halt()
	if err := pbx.Boot(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := pbx.Restart(within(t)); err != nil {
		t.Fatal(err)
	}
	if pbx.ARIURL() != url || pbx.SIPAddr() != sip {
		t.Errorf("moved from %s, %s to %s, %s", url, sip, pbx.ARIURL(), pbx.SIPAddr())
	}
	if out := cli(t, pbx, "database get LAB key"); !strings.Contains(out, "kept") {
		t.Errorf("the database lost its value: %s", out)
	}
}

func TestDialplanIsIncluded(t *testing.T) {
	t.Parallel()
	const plan = "[supervision]\nexten => *20,1,Hangup(%d)\n[supervision-hints]\nexten => *999,hint,Stasis:login-x\n"
	pbx := lab.Start(t, lab.Options{Dialplan: plan})

	if out := cli(t, pbx, "dialplan show *20@internal"); !strings.Contains(out, "Hangup") {
		t.Errorf("internal does not include supervision: %s", out)
	}
	if out := cli(t, pbx, "dialplan show *999@lamps"); !strings.Contains(out, "Stasis:login-x") {
		t.Errorf("lamps does not include supervision-hints: %s", out)
	}
	if err := pbx.WriteConfig(lab.SupervisionConf, strings.ReplaceAll(plan, "*20", "*21")); err != nil {
		t.Fatal(err)
	}
	if err := pbx.Reload(within(t), "dialplan"); err != nil {
		t.Fatal(err)
	}
	if out := cli(t, pbx, "dialplan show *21@internal"); !strings.Contains(out, "Hangup") {
		t.Errorf("a reload did not bring the new dialplan: %s", out)
	}
}

func TestBootIsClean(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"", lab.FreePBX} {
		pbx := lab.Start(t, lab.Options{Layout: layout, Dialplan: "[supervision]\n[supervision-hints]\n"})
		for line := range strings.Lines(pbx.Log()) {
			if strings.Contains(line, "ERROR[") || strings.Contains(line, "WARNING[") {
				t.Errorf("layout %q: Asterisk complains: %s", layout, line)
			}
		}
	}
}

func TestChannelVarsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	for _, without := range []bool{false, true} {
		pbx := lab.Start(t, lab.Options{NoChannelVars: without})
		conf, err := pbx.ReadConfig("ari.conf")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(conf, "channelvars") == without {
			t.Errorf("NoChannelVars: %t, and ari.conf is\n%s", without, conf)
		}
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	pbx, err := lab.Run(within(t), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := pbx.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped in %s", time.Since(begin))
	if _, err := pbx.ReadConfig("ari.conf"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
	if err := pbx.Boot(t.Context()); !errors.Is(err, lab.ErrStopped) {
		t.Errorf("boots after Stop: %v", err)
	}
	if err := pbx.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestMissingTreeSaysHowToMend(t *testing.T) {
	t.Parallel()
	_, err := lab.Run(t.Context(), lab.Options{Tree: t.TempDir()})
	if !errors.Is(err, lab.ErrMissing) || !strings.Contains(err.Error(), "make lab") {
		t.Errorf("unhelpful: %v", err)
	}
}

func TestBadConfigurationFailsWithTheReason(t *testing.T) {
	t.Parallel()
	_, err := lab.Run(within(t), lab.Options{
		ARIPassword: "a;b",
	})
	if err == nil {
		t.Error("an ARI password that ari.conf cannot carry was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lab.Run(ctx, lab.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Run with an ended context: %v", err)
	}
}
