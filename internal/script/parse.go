package script

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Step is one call of a script, or a pause.
type Step struct {
	Line  int           // of the call, from 1
	Sleep time.Duration // when not 0, this step is a pause and nothing else is set

	Conn  string // connection that sends it
	RESP3 bool   // the protocol the script asks for
	Args  [][]byte
	Want  string // the reply as redis-cli prints it, without the last line's end

	Since     string // the first version that has it, or "" for any
	Unordered bool   // elements in any order
	Loose     bool   // only the type counts
	Blocks    bool   // the reply may come after later calls of other connections

	from, to int // the lines of Want in the file, [from, to)
}

// A Script is one parsed file.
type Script struct {
	Name   string
	Server bool     // needs a whole server
	Needs  []string // commands without which the script says nothing
	Steps  []Step

	lines []string
}

// Parse reads a script. The name is for error messages.
func Parse(name string, text []byte) (*Script, error) {
	s := &Script{Name: name, lines: strings.Split(string(bytes.TrimRight(text, "\n")), "\n")}
	p := parser{conn: "a"}
	for i := 0; i < len(s.lines); i++ {
		line := s.lines[i]
		switch {
		case strings.TrimSpace(line) == "":
		case line[0] == '#':
			if err := p.directive(s, strings.Fields(line[1:]), i+1); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
		case line[0] == '>':
			args, err := Split(line[1:])
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			if len(args) == 0 {
				return nil, fmt.Errorf("%s:%d: a call without a command", name, i+1)
			}
			st := p.next
			st.Line, st.Args, st.Conn, st.RESP3 = i+1, args, p.conn, p.resp3
			if st.Since == "" {
				st.Since = p.since
			}
			p.next = Step{}
			st.from, st.to = i+1, i+1
			for st.to < len(s.lines) && !endsReply(s.lines[st.to]) {
				st.to++
			}
			st.Want = strings.Join(s.lines[st.from:st.to], "\n")
			i = st.to - 1
			s.Steps = append(s.Steps, st)
		default:
			return nil, fmt.Errorf("%s:%d: a reply without a call: %q", name, i+1, line)
		}
	}
	return s, nil
}

func endsReply(line string) bool {
	return strings.TrimSpace(line) == "" || line[0] == '>' || line[0] == '#'
}

type parser struct {
	conn  string
	resp3 bool
	since string // of the whole file
	next  Step   // set by directives for the next call
}

func (p *parser) directive(s *Script, words []string, line int) error {
	if len(words) == 0 {
		return nil
	}
	arg := ""
	if len(words) == 2 {
		arg = words[1]
	}
	// A comment may begin with one of these words; only the exact form counts.
	switch {
	case words[0] == "since" && arg != "":
		p.next.Since = arg
	case words[0] == "conn" && arg != "":
		p.conn = arg
	case words[0] == "sleep" && arg != "":
		ms, err := strconv.Atoi(arg)
		if err != nil {
			return fmt.Errorf("sleep wants milliseconds, not %q", arg)
		}
		s.Steps = append(s.Steps, Step{Line: line, Sleep: time.Duration(ms) * time.Millisecond})
	case words[0] == "file" && arg == "server":
		s.Server = true
	case words[0] == "file" && len(words) > 2 && words[1] == "needs":
		s.Needs = append(s.Needs, words[2:]...)
	case words[0] == "file" && len(words) == 3 && words[1] == "since":
		p.since = words[2]
	case len(words) == 1:
		switch words[0] {
		case "unordered":
			p.next.Unordered = true
		case "loose":
			p.next.Loose = true
		case "blocks":
			p.next.Blocks = true
		case "resp3":
			p.resp3 = true
		case "resp2":
			p.resp3 = false
		}
	}
	return nil
}

// Update returns the script's text with the replies of some steps replaced;
// want is indexed by step.
func (s *Script) Update(want map[int]string) []byte {
	var out []string
	at := 0
	for i, st := range s.Steps {
		w, ok := want[i]
		if !ok {
			continue
		}
		out = append(out, s.lines[at:st.from]...)
		out = append(out, strings.Split(w, "\n")...)
		at = st.to
	}
	out = append(out, s.lines[at:]...)
	return []byte(strings.Join(out, "\n") + "\n")
}

// Split cuts a line into arguments as redis-cli does: blanks separate, double
// quotes know \n \r \t \a \b \xHH and \\, single quotes only \'.
func Split(line string) ([][]byte, error) {
	var args [][]byte
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		arg, n, err := splitOne(line[i:])
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		i += n
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func splitOne(s string) (arg []byte, n int, err error) {
	arg = []byte{}
	quote := byte(0)
	for ; n < len(s); n++ {
		c := s[n]
		switch {
		case quote == 0 && isBlank(c):
			return arg, n, nil
		case quote == 0 && (c == '"' || c == '\'') && len(arg) == 0 && n == 0:
			quote = c
		case quote != 0 && c == quote:
			if n+1 < len(s) && !isBlank(s[n+1]) {
				return nil, 0, fmt.Errorf("no blank after a closing quote in %q", s)
			}
			return arg, n + 1, nil
		case quote == '"' && c == '\\' && n+3 < len(s) && s[n+1] == 'x':
			v, perr := strconv.ParseUint(s[n+2:n+4], 16, 8)
			if perr != nil {
				return nil, 0, fmt.Errorf("bad escape in %q", s)
			}
			arg = append(arg, byte(v))
			n += 3
		case quote == '"' && c == '\\' && n+1 < len(s):
			n++
			arg = append(arg, unescape(s[n]))
		case quote == '\'' && c == '\\' && n+1 < len(s) && s[n+1] == '\'':
			n++
			arg = append(arg, '\'')
		default:
			arg = append(arg, c)
		}
	}
	if quote != 0 {
		return nil, 0, fmt.Errorf("unbalanced quotes in %q", s)
	}
	return arg, n, nil
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	}
	return c
}

// Line writes a call the way Parse reads it, without the leading "> ".
func Line(args [][]byte) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if plain(a) {
			b.Write(a)
		} else {
			b.WriteString(Quote(a))
		}
	}
	return b.String()
}

func plain(a []byte) bool {
	for _, c := range a {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' {
			return false
		}
	}
	return len(a) > 0
}
