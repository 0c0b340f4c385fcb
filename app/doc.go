// Package app puts the daemon together: it makes the parts, starts them in the order in which they need each other, and
// stops them in the opposite one.
package app
