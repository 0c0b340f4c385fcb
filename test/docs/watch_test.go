package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const watchPage = "docs/watch.md"

// The screens are those that the tests of watch/screen hold the program to.
func TestWatchScreens(t *testing.T) {
	screens := blocks(t, watchPage, "text")
	for _, b := range screens {
		if b.text != read(t, "watch/screen/testdata/"+b.info+".txt") {
			t.Errorf("the screen %s is another one", b.info)
		}
	}
	if len(screens) == 0 {
		t.Error("no screens")
	}
}

// The keys are those that the screen takes, and the flags those of the command.
func TestWatchKeysAndFlags(t *testing.T) {
	source := read(t, "watch/screen/keys.go")
	_, body, _ := strings.Cut(source, "switch k.Name {\n\tcase \"q\"")
	body, _, _ = strings.Cut(`case "q"`+body, "\n}\n")
	var inCode, inDocs []string
	for _, m := range regexp.MustCompile(`case ("[^:]+):`).FindAllStringSubmatch(body+"\n"+`case "ctrl+c":`, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			inCode = append(inCode, strings.Trim(name, `"`))
		}
	}
	names := regexp.MustCompile("`([^`]+)`")
	keys := false
	for _, row := range cells(t, watchPage) {
		keys = row[0] == "key" || keys && row[0] != ""
		if keys && row[0] != "key" {
			for _, m := range names.FindAllStringSubmatch(row[0], -1) {
				inDocs = append(inDocs, m[1])
			}
		}
	}
	inDocs = append(inDocs, "ctrl+n", "ctrl+p") // in the text
	slices.Sort(inCode)
	differences(t, "key", inCode, inDocs)

	inCode, inDocs = []string{"config"}, nil
	for _, m := range regexp.MustCompile(`Flags\(\)\.String\("([a-z-]+)"`).FindAllStringSubmatch(read(t, "cmd/supervisiond/watch.go"), -1) {
		inCode = append(inCode, m[1])
	}
	for _, row := range cells(t, watchPage) {
		if name, ok := strings.CutPrefix(row[0], "`--"); ok {
			inDocs = append(inDocs, strings.Trim(name, "`"))
		}
	}
	differences(t, "flag", inCode, inDocs)
}
