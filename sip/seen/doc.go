// Package seen is what one person sees (S7), as lamps need it: by person and by group, and what of that has changed. It has no
// I/O, no clock and no lock: who has a table feeds it with what supervision.Show and supervision.ShowTalk tell, in order.
package seen
