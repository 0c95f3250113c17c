// Package effectstest reads the stream of effects in tests.
package effectstest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"cached/internal/effects"
)

// A Recorder is a sink that keeps what it is given. It panics if the stream has a gap or
// is not made of commands.
type Recorder struct {
	mu    sync.Mutex // guards what follows
	next  int64      // offset, or 0 before the first effect
	raw   []byte
	db    int
	calls []Call
}

// A Call is one effect, or a MULTI or EXEC around several.
type Call struct {
	DB    int
	Words []string
}

var _ effects.Sink = (*Recorder)(nil)

// Append implements effects.Sink.
func (r *Recorder) Append(offset int64, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != 0 && r.next != offset {
		panic(fmt.Sprintf("effects at %d, after those that ended at %d", offset, r.next))
	}
	r.next = offset + int64(len(b))
	r.raw = append(r.raw, b...)
	for len(b) > 0 {
		var words []string
		words, b = command(b)
		if words[0] == "SELECT" {
			r.db, _ = strconv.Atoi(words[1])
			continue
		}
		r.calls = append(r.calls, Call{r.db, words})
	}
}

// Calls returns the effects so far. MULTI and EXEC stand around those that belong together.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call(nil), r.calls...)
}

// Lines returns Calls as lines: the database and the words of each.
func (r *Recorder) Lines() (lines []string) {
	for _, c := range r.Calls() {
		lines = append(lines, fmt.Sprint(c.DB, " ", strings.Join(c.Words, " ")))
	}
	return lines
}

// Take returns Lines and forgets them.
func (r *Recorder) Take() []string {
	lines := r.Lines()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = nil
	return lines
}

// Raw returns the bytes of all effects.
func (r *Recorder) Raw() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]byte(nil), r.raw...)
}

// command cuts one command from the front of b.
func command(b []byte) (words []string, rest []byte) {
	number := func(kind byte) int {
		line, after, ok := bytes.Cut(b, []byte("\r\n"))
		if !ok || len(line) < 2 || line[0] != kind {
			panic(fmt.Sprintf("not a command: %q", b))
		}
		n, err := strconv.Atoi(string(line[1:]))
		if err != nil {
			panic(err)
		}
		b = after
		return n
	}
	for n := number('*'); n > 0; n-- {
		size := number('$')
		words = append(words, string(b[:size]))
		b = b[size+2:]
	}
	return words, b
}
