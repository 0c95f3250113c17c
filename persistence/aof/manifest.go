package aof

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cached/internal/config"
)

// A Type is the purpose of a file of a manifest.
type Type byte

// The types of files.
const (
	Base      Type = 'b' // the keyspace at one moment
	Increment Type = 'i' // changes since the base
	History   Type = 'h' // of no use any more, to be removed
)

// A File is a line of a manifest.
type File struct {
	Name string
	Seq  int64
	Type Type
}

// A Manifest lists the files of a log.
type Manifest struct {
	Base       *File // or nil
	Increments []File
	History    []File

	// The highest numbers that were given to files.
	baseSeq, incrementSeq int64
}

// maxLine is the longest line of a manifest, without the end of the line.
const maxLine = 1023

// Errors of manifests that are the same wherever they occur. The words are Redis's, which
// operators look for in the log.
var (
	errEmpty     = errors.New("Found an empty AOF manifest")
	errForm      = errors.New("Invalid AOF manifest file format")
	errTwoBases  = errors.New("Found duplicate base file information")
	errOrder     = errors.New("Found a non-monotonic sequence number")
	errPath      = errors.New("File can't be a path, just a filename")
	errLine      = errors.New("The AOF manifest file contains too long line")
	errType      = errors.New("Unknown AOF file type")
	errUnclosed  = errors.New("The AOF manifest file contains a line without an end")
	fileNameLine = "file %s seq %d type %c\n"
)

// ParseManifest reads a manifest. A line is pairs of a name and a value; names
// that are not known are for later versions. Lines that begin with # are comments.
func ParseManifest(text []byte) (*Manifest, error) {
	if len(text) == 0 {
		return nil, errEmpty
	}
	m := new(Manifest)
	for n := 1; len(text) > 0; n++ {
		i := slices.Index(text, '\n')
		if i < 0 {
			return nil, lineError(n, errUnclosed)
		}
		line := string(text[:i])
		text = text[i+1:]
		if strings.HasPrefix(line, "#") {
			continue
		}
		if err := m.add(line); err != nil {
			return nil, lineError(n, err)
		}
	}
	if m.Base == nil && len(m.Increments) == 0 && len(m.History) == 0 {
		return nil, errEmpty
	}
	return m, nil
}

func lineError(n int, err error) error { return fmt.Errorf("line %d: %w", n, err) }

// add reads one line.
func (m *Manifest) add(line string) error {
	if len(line) > maxLine {
		return errLine
	}
	words, err := config.Split(line)
	if err != nil || len(words) < 6 || len(words)%2 != 0 {
		return errForm
	}
	var f File
	for ; len(words) > 0; words = words[2:] {
		switch strings.ToLower(words[0]) {
		case "file":
			f.Name = words[1]
		case "seq":
			f.Seq, err = strconv.ParseInt(words[1], 10, 64)
		case "type":
			if len(words[1]) == 1 {
				f.Type = Type(words[1][0])
			}
		}
		if err != nil {
			return errForm
		}
	}
	if f.Name == "" || f.Seq < 1 {
		return errForm
	}
	if !plainName(f.Name) {
		return errPath
	}
	switch f.Type {
	case Base:
		if m.Base != nil {
			return errTwoBases
		}
		m.Base, m.baseSeq = &f, f.Seq
	case Increment:
		if f.Seq <= m.incrementSeq {
			return errOrder
		}
		m.incrementSeq = f.Seq
		m.Increments = append(m.Increments, f)
	case History:
		m.History = append(m.History, f)
	default:
		return errType
	}
	return nil
}

// plainName reports whether a name is that of a file in the same directory.
func plainName(name string) bool {
	return !strings.ContainsAny(name, "/\x00\n") && name != "." && name != ".."
}

// Append appends the text of the manifest to b.
func (m *Manifest) Append(b []byte) []byte {
	line := func(f *File) { b = fmt.Appendf(b, fileNameLine, quoted(f.Name), f.Seq, f.Type) }
	if m.Base != nil {
		line(m.Base)
	}
	for i := range m.History {
		line(&m.History[i])
	}
	for i := range m.Increments {
		line(&m.Increments[i])
	}
	return b
}

// quoted is a name as a manifest has it: in quotes if it would not be one word.
func quoted(name string) string {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return config.Quote(name)
		}
	}
	return name
}

// Files returns those that hold the log, in their order.
func (m *Manifest) Files() []File {
	var all []File
	if m.Base != nil {
		all = append(all, *m.Base)
	}
	return append(all, m.Increments...)
}

// Clone returns a copy that can be changed.
func (m *Manifest) Clone() *Manifest {
	c := *m
	if m.Base != nil {
		base := *m.Base
		c.Base = &base
	}
	c.Increments, c.History = slices.Clone(m.Increments), slices.Clone(m.History)
	return &c
}

// ManifestName is the name of the manifest of a log.
func ManifestName(log string) string { return log + ".manifest" }

// AddIncrement adds a further increment and returns it.
func (m *Manifest) AddIncrement(log string) File {
	f := m.NextIncrement(log)
	m.incrementSeq = f.Seq
	m.Increments = append(m.Increments, f)
	return f
}

// NextIncrement is the increment that AddIncrement would add.
func (m *Manifest) NextIncrement(log string) File {
	return m.unused(m.incrementSeq+1, Increment, log+".%d.incr.aof")
}

// unused returns a file with the first number from seq whose name is not taken.
func (m *Manifest) unused(seq int64, t Type, pattern string) File {
	for ; ; seq++ {
		name := fmt.Sprintf(pattern, seq)
		same := func(f File) bool { return f.Name == name }
		if !slices.ContainsFunc(m.History, same) && !slices.ContainsFunc(m.Files(), same) {
			return File{name, seq, t}
		}
	}
}

// Replace puts a new base in the place of everything before the last keep increments, which stay. The replaced
// files become history.
func (m *Manifest) Replace(log string, snapshot bool, keep int) File {
	if m.Base != nil {
		m.History = append(m.History, File{m.Base.Name, m.Base.Seq, History})
	}
	old := len(m.Increments) - keep
	for _, f := range m.Increments[:old] {
		m.History = append(m.History, File{f.Name, f.Seq, History})
	}
	m.Increments = slices.Clone(m.Increments[old:])
	ending := "aof"
	if snapshot {
		ending = "rdb"
	}
	m.Base = nil
	base := m.unused(m.baseSeq+1, Base, log+".%d.base."+ending)
	m.Base, m.baseSeq = &base, base.Seq
	return base
}

// Upgraded is the manifest of a log that is one file, as servers before Redis 7
// wrote it.
func Upgraded(log string) *Manifest {
	return &Manifest{Base: &File{log, 1, Base}, baseSeq: 1}
}
