package lua

import (
	"errors"
	"fmt"
	"strings"
)

// Flags are what a script or function says about itself.
type Flags uint8

// The flags. Compat is set for a script without a first line that says them: it
// may do what scripts always could.
const (
	NoWrites Flags = 1 << iota
	AllowOOM
	AllowStale
	NoCluster
	CrossSlot
	Compat
)

// FlagNames are the names of the flags, by bit.
var FlagNames = []string{"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}

func flagNamed(name string) Flags {
	for i, n := range FlagNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// shebang reads the first line of a script, if it is one that names the engine
// and flags, and returns the rest, which keeps its line numbers.
func shebang(source string) (Flags, string, error) {
	if !strings.HasPrefix(source, "#!") {
		return Compat, source, nil
	}
	line, rest, ok := strings.Cut(source, "\n")
	if !ok {
		return 0, "", errors.New("ERR Invalid script shebang")
	}
	words := strings.Fields(line)
	if words[0] != "#!lua" {
		return 0, "", fmt.Errorf("ERR Unexpected engine in script shebang: %s", words[0])
	}
	var flags Flags
	for _, w := range words[1:] {
		list, ok := strings.CutPrefix(w, "flags=")
		if !ok {
			return 0, "", fmt.Errorf("ERR Unknown lua shebang option: %s", w)
		}
		for _, name := range strings.Split(list, ",") {
			if name == "" {
				continue
			}
			f := flagNamed(name)
			if f == 0 {
				return 0, "", fmt.Errorf("ERR Unexpected flag in script shebang: %s", name)
			}
			flags |= f
		}
	}
	return flags, "\n" + rest, nil
}
