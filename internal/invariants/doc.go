// Package invariants turns broken assumptions into a stop of test builds.
//
// Checks are compiled in by the race detector's build or by the build tag
// "invariants", and cost a release nothing: Enabled is a constant, so the
// compiler drops what it guards.
package invariants

// Check panics with msg in a test build when ok is false. It is used where data crosses a boundary, not in inner
// loops; guard costly conditions by Enabled.
func Check(ok bool, msg string) {
	if Enabled && !ok {
		panic("invariant broken: " + msg)
	}
}
