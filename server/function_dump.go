package server

import (
	"encoding/binary"
	"errors"
	"time"

	"cached/commands"
	"cached/internal/crc"
	"cached/internal/lua"
	"cached/internal/lzf"
)

// A dump of libraries is, for each, this byte and its code as a string of a
// snapshot file; then the version of that format in two bytes and a checksum in
// eight.
const (
	dumpLibrary = 245
	dumpVersion = 10
	dumpTail    = 10
)

const (
	errBadDump    = commands.Error("ERR DUMP payload version or checksum are wrong")
	errNoDumpCode = commands.Error("ERR failed loading functions")
)

// A loadRun is the host of a library's code while it is loaded: it may write to the
// log, and not run longer than half a second.
type loadRun struct {
	x     *Scripts
	start time.Time
}

const maxLoadTime = 500 * time.Millisecond

// Call is not reached: code that is loaded has no way to run commands.
func (r *loadRun) Call([][]byte, int) []byte { return []byte("-" + string(errNotFromScript) + "\r\n") }

// Allowed is not reached either.
func (r *loadRun) Allowed([][]byte) (allowed, known bool) { return false, false }

// Failed has nothing to count: the load is refused as a whole.
func (r *loadRun) Failed(string, bool) {}

// Log writes a line to the log.
func (r *loadRun) Log(level int, text string) { r.x.logForScript(level, text) }

// Tick stops code that takes too long.
func (r *loadRun) Tick() error {
	if r.start.IsZero() {
		r.start = time.Now()
	}
	if time.Since(r.start) > maxLoadTime {
		return errors.New("ERR FUNCTION LOAD timeout")
	}
	return nil
}

func (x *Scripts) functionDump(c *commands.Ctx) error {
	var b []byte
	for _, code := range x.LibraryCode() {
		b = append(b, dumpLibrary)
		switch n := len(code); {
		case n < 1<<6:
			b = append(b, byte(n))
		case n < 1<<14:
			b = append(b, 0x40|byte(n>>8), byte(n))
		default:
			b = binary.BigEndian.AppendUint32(append(b, 0x80), uint32(n))
		}
		b = append(b, code...)
	}
	b = binary.LittleEndian.AppendUint16(b, dumpVersion)
	b = binary.LittleEndian.AppendUint64(b, crc.Sum64(0, b))
	c.Reply.Bulk(b)
	return nil
}

// readDump returns the libraries' code in a dump.
func readDump(b []byte) ([]string, error) {
	if len(b) < dumpTail {
		return nil, errBadDump
	}
	body := b[:len(b)-dumpTail]
	if v := binary.LittleEndian.Uint16(b[len(body):]); v > dumpVersion+2 {
		return nil, errBadDump
	}
	if sum := binary.LittleEndian.Uint64(b[len(b)-8:]); sum != 0 && sum != crc.Sum64(0, b[:len(b)-8]) {
		return nil, errBadDump
	}
	var all []string
	for len(body) > 0 {
		if body[0] != dumpLibrary {
			return nil, commands.Error("ERR given type is not a function")
		}
		code, rest, ok := dumpedString(body[1:])
		if !ok {
			return nil, errNoDumpCode
		}
		all, body = append(all, code), rest
	}
	return all, nil
}

// dumpedLength reads a length; packed says that a compressed string follows.
func dumpedLength(b []byte) (n int, packed bool, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, false, nil, false
	}
	switch c := b[0]; {
	case c>>6 == 0:
		return int(c), false, b[1:], true
	case c>>6 == 1 && len(b) > 1:
		return int(c&0x3f)<<8 | int(b[1]), false, b[2:], true
	case c == 0x80 && len(b) > 4:
		return int(binary.BigEndian.Uint32(b[1:])), false, b[5:], true
	case c == 0xc3:
		return 0, true, b[1:], true
	}
	return 0, false, nil, false
}

func dumpedString(b []byte) (text string, rest []byte, ok bool) {
	n, packed, b, ok := dumpedLength(b)
	if !ok {
		return "", nil, false
	}
	if !packed {
		if n > len(b) {
			return "", nil, false
		}
		return string(b[:n]), b[n:], true
	}
	n, _, b, ok = dumpedLength(b)
	if !ok {
		return "", nil, false
	}
	size, _, b, ok := dumpedLength(b)
	// A packed byte becomes at most 264/3 bytes.
	if !ok || n > len(b) || size > n*100 {
		return "", nil, false
	}
	out := make([]byte, size)
	if lzf.Unpack(out, b[:n]) != nil {
		return "", nil, false
	}
	return string(out), b[n:], true
}

func (x *Scripts) functionRestore(c *commands.Ctx) error {
	if len(c.Argv) > 4 {
		return errSubcommand(c)
	}
	policy := "append"
	if len(c.Argv) == 4 {
		policy = fold(c.Argv[3])
	}
	if policy != "append" && policy != "replace" && policy != "flush" {
		return commands.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
	}
	all, err := readDump(c.Argv[2])
	if err != nil {
		return err
	}
	if err := x.lockFunctions(); err != nil {
		return err
	}
	f := x.functions
	defer f.mu.Unlock()
	// All or nothing: the earlier libraries are restored if one does not load.
	before := f.sorted()
	if policy == "flush" {
		f.resetLocked()
	}
	for _, code := range all {
		if name, _, _ := libraryHead(code); policy == "append" && f.library(name) != nil {
			err = commands.Error("ERR Library " + name + " already exists")
			break
		}
		if _, err = f.loadLocked(code, policy == "replace", &loadRun{x: x}); err != nil {
			break
		}
	}
	if err != nil {
		f.restoreLocked(x, before)
		return err
	}
	c.Propagate("FUNCTION", c.Argv[1:]...)
	c.Reply.OK()
	return nil
}

// restoreLocked loads libraries that were loaded before.
func (f *functions) restoreLocked(x *Scripts, libs []*lua.Library) {
	f.resetLocked()
	for _, lib := range libs {
		if _, err := f.loadLocked(lib.Code, true, &loadRun{x: x}); err != nil {
			x.log.Error("a library does not load again", "library", lib.Name, "error", err)
		}
	}
}
