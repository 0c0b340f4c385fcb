package console

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"supervisiond/supervision"
)

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each code has the status that docs/http.md gives it, and the table has no other.
func TestCodesHaveTheirStatus(t *testing.T) {
	_, table, _ := strings.Cut(text(t, "../docs/http.md"), "| status | code |")
	documented, others := map[string]int{}, 0
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9, ]+) \| (.*) \|$`).FindAllStringSubmatch(table, -1) {
		status, _ := strconv.Atoi(row[1])
		if strings.Contains(row[2], "all other codes") {
			others = status
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[2], -1) {
			if strings.Contains(row[1], ",") { // several statuses of one code
				continue
			}
			documented[m[1]] = status
		}
	}
	var codes []string
	for _, m := range regexp.MustCompile(`(?m)^\t\w+\s+Code = "([a-z_]+)"`).FindAllStringSubmatch(text(t, "../supervision/refusal.go"), -1) {
		codes = append(codes, m[1])
		want, ok := documented[m[1]]
		if !ok {
			want = others
		}
		if got := statusOf(supervision.Code(m[1])); got != want {
			t.Errorf("%s has the status %d, and docs/http.md says %d", m[1], got, want)
		}
	}
	if len(codes) < 15 || others != http.StatusConflict {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for code, status := range map[supervision.Code]int{
		codeUnauthorized: 401, codeForbidden: 403, codeCrossOrigin: 403, codeTooManyAttempts: 429, codeTooManyRequests: 429,
	} {
		codes = append(codes, string(code))
		if documented[string(code)] != status {
			t.Errorf("%s: docs/http.md says %d", code, documented[string(code)])
		}
	}
	for code := range documented {
		if !slices.Contains(codes, code) {
			t.Errorf("docs/http.md has %s, which there is not", code)
		}
	}
}

// What the library finds by itself is told as everything else is, and what was sent is not repeated.
func TestProblemsOfTheLibrary(t *testing.T) {
	for status, want := range map[int]supervision.Code{
		400: "invalid", 401: codeUnauthorized, 403: codeForbidden, 404: "not_found", 405: "invalid", 415: "invalid", 422: "invalid",
		429: codeTooManyRequests, 500: "unavailable", 503: "unavailable",
	} {
		p := asTold(asProblem(status, "x"))
		if p.Code != want || status != 400 && p.Status != status || p.Status == 400 {
			t.Errorf("%d: %+v", status, p)
		}
	}
	p := problem(429, codeTooManyRequests, "x").after(1001 * time.Millisecond)
	if got := p.GetHeaders().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After: %s", got)
	}
}
