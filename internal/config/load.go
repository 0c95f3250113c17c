package config

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

const (
	maxDepth = 16      // of include
	maxLine  = 1 << 20 // bytes
)

// A LineError is a line of a configuration that cannot be used.
type LineError struct {
	File   string // its path, or "command line"
	Line   int
	Text   string // without secrets
	Reason error
}

// Error names the place, the line and the reason.
func (e *LineError) Error() string {
	return fmt.Sprintf("%s, line %d: '%s': %v", e.File, e.Line, e.Text, e.Reason)
}

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Reason }

// LoadFile reads a configuration file, which becomes the one that Rewrite writes.
func (c *Config) LoadFile(path string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("config file %s: %w", path, err)
	}
	c.path = abs
	return c.loadFile(path, 0)
}

// LoadReader reads a configuration from r; errors call it name.
func (c *Config) LoadReader(name string, r io.Reader) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load(name, r, 0)
}

// LoadArgs reads a command line without the program's name:
//
//	[path/to/redis.conf | -] [--name value ...]* [-]
//
// What a first or last - brings from stdin comes after the file and before the options.
func (c *Config) LoadArgs(args []string, stdin io.Reader) error {
	file := len(args) > 0 && !strings.HasPrefix(args[0], "-")
	if file {
		if err := c.LoadFile(args[0]); err != nil {
			return err
		}
		args = args[1:]
	}
	if n := len(args); n > 0 && (args[n-1] == "-" || args[0] == "-" && !file) {
		if err := c.LoadReader("standard input", stdin); err != nil {
			return err
		}
		if args[n-1] == "-" {
			args = args[:n-1]
		}
		if len(args) > 0 && args[0] == "-" && !file {
			args = args[1:]
		}
	}
	return c.LoadReader("command line", strings.NewReader(strings.Join(options(args), "\n")))
}

// options returns the command line's options as lines of a file. An option may have its
// values in the same word, as in "--maxmemory 1gb".
func options(args []string) []string {
	var lines []string
	complete := true // the option at hand has a value
	for i, a := range args {
		option := strings.HasPrefix(a, "--")
		if !option || !complete {
			// The first word after an option is its value, even one with dashes.
			if len(lines) == 0 {
				lines = append(lines, Quote(a))
			} else {
				lines[len(lines)-1] += " " + Quote(a)
			}
			complete = true
			continue
		}
		lines = append(lines, a[2:])
		words, err := Split(a)
		complete = err != nil || len(words) != 1
		// Only --save may have no value: in older versions that cleared it.
		last := i == len(args)-1
		if !complete && strings.EqualFold(words[0], "--save") && (last || strings.HasPrefix(args[i+1], "--")) {
			lines[len(lines)-1] += ` ""`
			complete = true
		}
	}
	return lines
}

func (c *Config) loadFile(path string, depth int) error {
	f, err := c.Files.Open(path)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	defer f.Close()
	return c.load(path, f, depth)
}

func (c *Config) load(name string, r io.Reader, depth int) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	line := 0
	for sc.Scan() {
		line++
		text := strings.TrimFunc(sc.Text(), func(r rune) bool { return r < 0x80 && blank(byte(r)) })
		if text == "" || text[0] == '#' {
			continue
		}
		if err := c.line(text, depth); err != nil {
			if _, ok := err.(*LineError); ok { // of an included file
				return err
			}
			return &LineError{name, line, c.redact(text), err}
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("config file %s: %w", name, err)
	}
	return nil
}

func (c *Config) line(text string, depth int) error {
	words, err := Split(text)
	if err != nil {
		return err
	}
	name := strings.ToLower(words[0])
	words = words[1:]
	if name == "include" {
		return c.include(words, depth)
	}
	v := c.values[name]
	if v == nil {
		return errLine
	}
	p := v.param
	if p.Kind == Lines {
		if len(words) < p.Args[0] || p.Args[1] > 0 && len(words) > p.Args[1] {
			return errLine
		}
		v.lines, v.given = append(v.lines, words), true
		return nil
	}
	if len(words) == 0 {
		return errArgs
	}
	old := v.String()
	if p.Fresh && !v.started {
		old = ""
	}
	s, err := p.parse(old, words)
	if err != nil {
		return err
	}
	v.now.Store(s)
	v.started, v.given = true, true
	return nil
}

func (c *Config) include(words []string, depth int) error {
	if len(words) != 1 {
		return errLine
	}
	if depth >= maxDepth {
		return fmt.Errorf("include is nested more than %d deep", maxDepth)
	}
	paths := words
	if strings.ContainsAny(words[0], "*?[") {
		// A pattern may match nothing; a file that is named must be there.
		var err error
		if paths, err = c.Files.Glob(words[0]); err != nil {
			return err
		}
	}
	for _, p := range paths {
		if err := c.loadFile(p, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// redact returns a line as it may be shown.
func (c *Config) redact(text string) string {
	name, _, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	v := c.values[strings.ToLower(strings.Trim(name, `"'`))]
	if v != nil && v.param.Has(Secret) {
		return name + " (redacted)"
	}
	return text
}
