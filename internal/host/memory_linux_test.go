package host

import (
	"os"
	"testing"

	"cached/internal/invariants"
)

// It is asked every ten milliseconds: what it allocated was most of the garbage of
// a server at rest.
func TestResidentMemoryIsAskedForWithoutAllocations(t *testing.T) {
	if n := ResidentBytes(); n < 1<<20 || n%int64(os.Getpagesize()) != 0 {
		t.Errorf("%d bytes are resident", n)
	}
	if invariants.Enabled {
		return // the race detector's os.File allocates
	}
	if n := testing.AllocsPerRun(100, func() { ResidentBytes() }); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}
