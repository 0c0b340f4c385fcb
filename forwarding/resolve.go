package forwarding

// Forward is one forward of a line, and where it leads (rule F3).
type Forward struct {
	Kind Kind
	// Target is what the store has. Others may have written it: it can be anything.
	Target string
	// Effective is where a call ends that follows the chain of always forwards. In a Loop it is the last before the
	// chain comes back to where it was already.
	Effective    string
	Loop         bool
	AfterSeconds int // of NoAnswer, where the store says it
}

// Resolve gives the forwards of a line, in the order always, busy, no_answer, and where each of them leads.
//
// Coming back to the line itself is a loop for every kind: a busy line that is called again is busy again, and a forward
// for busy or no answer acts only while there is none for always.
func Resolve(lines map[string]Stored, ext string) []Forward {
	s := lines[ext]
	var list []Forward
	for _, kind := range Kinds() {
		target := s.Target(kind)
		if target == "" {
			continue
		}
		f := Forward{Kind: kind, Target: target}
		f.Effective, f.Loop = Follow(lines, ext, target)
		if kind == NoAnswer {
			f.AfterSeconds = s.AfterSeconds
		}
		list = append(list, f)
	}
	return list
}

// Follow goes from a line to its target and on through always forwards, and says where that ends (rule F3). It does end:
// each step is at a line that has not been passed yet, and only lines lead on.
func Follow(lines map[string]Stored, ext, target string) (end string, loop bool) {
	passed := map[string]bool{ext: true}
	for end = ext; ; end, target = target, lines[target].Always {
		if target == "" {
			return end, false
		}
		if passed[target] {
			return end, true
		}
		passed[target] = true
	}
}
