package lua

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"cached/internal/resp"
)

// Flags are the flags that a script or function declares.
type Flags uint8

// The flags. Compat is set for a script without a first line that declares them: it has all permissions of older
// versions.
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

// FlagsOf are the flags of a script, whose first line may say them; ok is false
// if it is none that Compile takes.
func FlagsOf(source []byte) (flags Flags, ok bool) {
	if !bytes.HasPrefix(source, []byte("#!")) {
		return Compat, true
	}
	flags, _, err := shebang(string(source))
	return flags, err == nil
}

// shebang reads the first line of a script, if it is one that names the engine
// and flags, and returns the rest, which keeps its line numbers.
func shebang(source string) (Flags, string, error) {
	if !strings.HasPrefix(source, "#!") {
		return Compat, source, nil
	}
	line, rest, ok := FirstLine(source)
	if !ok {
		return 0, "", errors.New("ERR Invalid script shebang")
	}
	words, ok := resp.SplitArgs([]byte(line), nil)
	if !ok || len(words) == 0 {
		return 0, "", errors.New("ERR Invalid engine in script shebang")
	}
	if string(words[0]) != "#!lua" {
		return 0, "", fmt.Errorf("ERR Unexpected engine in script shebang: %s", words[0])
	}
	var flags Flags
	for _, w := range words[1:] {
		list, ok := strings.CutPrefix(string(w), "flags=")
		if !ok {
			return 0, "", fmt.Errorf("ERR Unknown lua shebang option: %s", w)
		}
		if list == "" {
			continue
		}
		for name := range strings.SplitSeq(list, ",") {
			f := flagNamed(name)
			if f == 0 {
				return 0, "", fmt.Errorf("ERR Unexpected flag in script shebang: %s", name)
			}
			flags |= f
		}
	}
	return flags, "\n" + rest, nil
}

// FirstLine cuts the first line off a program; ok is false if there is no other,
// as far as C sees it: up to a NUL.
func FirstLine(source string) (line, rest string, ok bool) {
	line, rest, ok = strings.Cut(source, "\n")
	return line, rest, ok && strings.IndexByte(line, 0) < 0
}
