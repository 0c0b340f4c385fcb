package config

import (
	"slices"
	"strings"
)

// nearest returns the candidate that word is probably a misspelling of, or "".
func nearest(word string, candidates []string) string {
	best, least := "", 0
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		// A third of a word may be wrong, and one letter of a short one.
		most := max(1, min(len(c), len(word))/3)
		if len(word) > len(c)+most || len(c) > len(word)+most {
			continue
		}
		d := distance(strings.ToLower(word), c)
		if d > most {
			continue
		}
		// Of two that are as near, people meant the one that begins the same.
		if best == "" || d < least || d == least && commonPrefix(word, c) > commonPrefix(word, best) {
			best, least = c, d
		}
	}
	return best
}

// didYouMean ends a message about a name that is not known: with the one that was probably meant, or with all of them
// if they are few.
func didYouMean(meant string, candidates []string) string {
	const few = 12
	switch {
	case meant != "":
		return "; did you mean " + quote(meant) + "?"
	case len(candidates) == 0 || len(candidates) > few:
		return ""
	}
	return "; known here: " + strings.Join(slices.Sorted(slices.Values(candidates)), ", ")
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
