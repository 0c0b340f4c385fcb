// Package docs keeps the documentation true: what it says of keys, documents, metrics, permissions, bounds and packages is
// compared with the code, and its examples are read by the code.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// pages are the names of all pages, from the root of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no docs: %v", err)
	}
	for i, p := range list {
		list[i] = "docs/" + filepath.Base(p)
	}
	return append(list, "README.md", "ARCHITECTURE.md", "CHANGELOG.md")
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is a fenced block of a page: what stands behind the fence, and what is in it.
type block struct {
	page, info, text string
}

var fence = regexp.MustCompile("(?ms)^( *)```([^\n]*)\n(.*?)^ *```$")

// blocks are those of a page whose language is the one named.
func blocks(t *testing.T, page, language string) []block {
	t.Helper()
	var list []block
	for _, m := range fence.FindAllStringSubmatch(read(t, page), -1) {
		if name, info, _ := strings.Cut(m[2], " "); name == language {
			text := regexp.MustCompile(`(?m)^`+m[1]).ReplaceAllString(m[3], "")
			list = append(list, block{page, info, text})
		}
	}
	return list
}

// cells are the cells of all rows of a page's tables.
func cells(t *testing.T, page string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(read(t, page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") {
			continue
		}
		row := strings.Split(strings.Trim(line, "|"), "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		rows = append(rows, row)
	}
	return rows
}

// code is what stands between the first two backticks.
func code(cell string) string {
	_, rest, _ := strings.Cut(cell, "`")
	text, _, _ := strings.Cut(rest, "`")
	return text
}

// sources are the Go files of the product by their names from the root; tests too, if wanted.
func sources(t *testing.T, tests bool) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || !tests && name == "test") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".go") && (tests || !strings.HasSuffix(name, "_test.go")) {
			files[name] = read(t, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// differences reports what is on one side only.
func differences(t *testing.T, what string, inCode, inDocs []string) {
	t.Helper()
	for _, x := range inCode {
		if !slices.Contains(inDocs, x) {
			t.Errorf("%s %s is not in the docs", what, x)
		}
	}
	for _, x := range inDocs {
		if !slices.Contains(inCode, x) {
			t.Errorf("the docs have the %s %s, and the code has not", what, x)
		}
	}
}

var (
	span    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what the headings of a page can be linked to as.
func anchors(t *testing.T, page string) []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
		list = append(list, strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return list
}

func TestLinksResolve(t *testing.T) {
	for _, page := range pages(t) {
		prose := span.ReplaceAllString(fence.ReplaceAllString(read(t, page), ""), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
			} else if anchor != "" && !slices.Contains(anchors(t, target), anchor) {
				t.Errorf("%s: %s has no heading %s", page, target, anchor)
			}
		}
	}
}

func TestPagesCanBeRead(t *testing.T) {
	for _, page := range pages(t) {
		lines := strings.Count(read(t, page), "\n")
		if lines >= 500 {
			t.Errorf("%s has %d lines", page, lines)
		}
		if n := strings.Count(read(t, page), "```"); n%2 != 0 {
			t.Errorf("%s: a fence is not closed", page)
		}
	}
}

// Every page is one click from the README, and every make target and command that the README names is there.
func TestREADMELeadsEverywhere(t *testing.T) {
	text := read(t, "README.md")
	for _, page := range pages(t) {
		if page != "README.md" && !strings.Contains(text, "]("+page+")") {
			t.Errorf("the README does not lead to %s", page)
		}
	}
	makefile := read(t, "Makefile")
	for _, m := range regexp.MustCompile("`?make ([a-z]+)").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(makefile, "\n"+m[1]+":") {
			t.Errorf("there is no make %s", m[1])
		}
	}
	var commands strings.Builder
	for name, source := range sources(t, false) {
		if strings.HasPrefix(name, "cmd/") {
			commands.WriteString(source)
		}
	}
	promised, _, _ := strings.Cut(text, "## Not yet")
	for _, m := range regexp.MustCompile("supervisiond ([a-z-]+)( --| >|`|\n)").FindAllStringSubmatch(promised, -1) {
		if !strings.Contains(commands.String(), `"`+m[1]+`"`) {
			t.Errorf("there is no supervisiond %s", m[1])
		}
	}
}
