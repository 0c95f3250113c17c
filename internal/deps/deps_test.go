// Package deps holds the drawing of the house: which package may import which.
package deps

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// bottom is the row that all packages may import.
var bottom = []string{"internal/clock", "internal/config", "internal/crc", "internal/glob", "internal/host", "internal/invariants",
	"internal/lzf", "internal/stats", "internal/version", "internal/vfs"}

// allowed is, for each package, what it may import of this module beyond the
// bottom row. A new arrow starts here, with its reason.
var allowed = map[string][]string{
	"internal/resp":     {},
	"internal/acl":      {},
	"internal/pubsub":   {},
	"internal/effects":  {},
	"internal/testcert": {}, // certificates for tests
	// It reads the stream in tests.
	"internal/effects/effectstest": {"internal/effects"},
	"internal/script":              {}, // scripts of commands and their replies, for tests
	"internal/geo":                 {},
	"internal/lock":                {},
	"internal/hll":                 {},
	"internal/limit":               {},
	"internal/trace":               {}, // traces of requests, for tests and measurements

	"eviction":      {},
	"engine/arena":  {},
	"engine/table":  {"engine/arena"},
	"engine/tree":   {"engine/arena"},
	"engine/packed": {},
	"engine/value":  {"engine/table", "engine/tree", "engine/packed", "engine/arena"},
	"engine/codec":  {}, // it knows bytes
	"engine":        {"engine/value", "engine/table", "engine/arena", "engine/codec", "eviction", "internal/effects"},

	// A handler sees items while it walks a table: it names the type, and calls
	// nothing that changes one.
	"commands": {"engine", "engine/value", "engine/table", "internal/resp", "internal/hll", "internal/geo", "internal/limit", "internal/lock"},

	// The format knows values as they lie in items, and what access bits mean.
	"persistence/rdb": {"engine", "engine/value", "engine/table"},
	// A base may be the commands that make its values.
	"persistence/aof": {"engine/value", "engine/table", "internal/effects"},
	"persistence":     {"persistence/rdb", "persistence/aof", "commands", "engine", "engine/value", "engine/table", "internal/effects"},
	"replication":     {"persistence", "commands", "engine", "internal/effects", "internal/resp"},
	"cluster":         {"commands", "engine", "internal/effects", "internal/resp"},
	// It names the modes of compression; it makes tokens, and is shown the locks that are
	// removed, with the items that they lie in.
	"server": {"commands", "engine", "engine/codec", "engine/value", "engine/table", "internal/resp", "internal/acl", "internal/pubsub",
		"internal/lua", "internal/lock"},
	// Its handlers see items, and it knows nothing of the server but what that offers a client.
	"memcached":    {"commands", "engine", "engine/value", "engine/table", "internal/resp"},
	"internal/lua": {"internal/resp"},

	// It wires the house; nothing imports it.
	"cmd/cached": {"server", "persistence", "replication", "memcached", "engine"},

	"tests/compat":      {"internal/script", "internal/trace"}, // the reader of its own scripts, a trace, and the socket
	"tests/clients":     {"internal/testcert"},
	"tests/replication": {}, // the socket, and processes that replicate
	"tests/crash":       {}, // the socket, and a process to be killed
	"bench":             {"internal/script", "internal/trace", "internal/testcert"},

	// It plays traces through the policies.
	"cmd/cachesim": {"eviction", "internal/trace"},
}

// free is what a package must not import of the standard library and beyond, nor any
// package below it: "net" forbids "net/http" too.
var free = map[string][]string{
	"engine":        {"net", "os", "io"},
	"engine/codec":  {"net", "os", "time"},
	"engine/value":  {"net", "os", "time", "sync"},
	"engine/table":  {"net", "os", "time", "sync"},
	"engine/tree":   {"net", "os", "time", "sync"},
	"engine/packed": {"net", "os", "time", "sync"},
	"commands":      {"net", "os", "sync"},
	"memcached":     {"net"},
	"eviction":      {"net", "os", "time", "sync"},
	"internal/resp": {"net", "os", "sync"},
	"internal/lock": {"net", "os", "time"},
	// Sinks attach to it; it opens nothing.
	"internal/effects": {"net", "os", "io"},
	// What is reported is collected by others, and rendered without a connection.
	"internal/stats": {"net", "os", "io", "sync"},
}

// memory is who may see addresses: the arena, the tree, whose nodes are arrays
// in blocks of many sizes, the server and internal/host for raw system calls, and the
// interpreter's host for fields that the interpreter does not export.
var memory = []string{"engine/arena", "engine/tree", "internal/host", "internal/lua", "server"}

// A use is a package that imports another one of this module, beyond the bottom row and
// tests apart.
type use struct{ pkg, imports string }

func TestTheHouseIsBuiltAsDrawn(t *testing.T) {
	used, there := map[use]bool{}, map[string]bool{}
	walk(t, func(root, pkg, path string) {
		there[pkg] = true
		check(t, root, pkg, path, used)
	})
	for pkg, may := range allowed {
		if !there[pkg] {
			continue // drawn, and not built yet
		}
		for _, to := range may {
			if !used[use{pkg, to}] {
				t.Errorf("package %s may import %s, and does not: an arrow that nothing uses", pkg, to)
			}
		}
	}
}

// undrawn are tools and what only tests use: docs/architecture.md draws the server.
var undrawn = regexp.MustCompile(`^(bench|cmd/cachesim|tests/.*|internal/(deps|script|trace|testcert|effects/effectstest))$`)

// The drawing missed ten packages and had one below another that it imports.
func TestTheDocumentDrawsTheSame(t *testing.T) {
	used, line := map[use]bool{}, map[string]int{}
	walk(t, func(root, pkg, path string) {
		if !strings.HasSuffix(path, "_test.go") && !undrawn.MatchString(pkg) {
			line[pkg] = 0
			check(t, root, pkg, path, used)
		}
	})
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, drawing, _ := strings.Cut(string(text), "\n\n    ")
	drawing, _, _ = strings.Cut(drawing, "\n\n")
	lines := strings.Split(drawing, "\n")
	for i, l := range lines {
		for name := range strings.SplitSeq(l, "  ") { // two blanks are between packages
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if n, there := line[name]; there && n == 0 {
				line[name] = i + 1
			} else if there {
				t.Errorf("package %s is drawn twice", name)
			} else if strings.Contains(name, "/") && !strings.Contains(name, " ") {
				t.Errorf("package %s is drawn, and not there", name)
			}
		}
	}
	for pkg, n := range line {
		if n == 0 {
			t.Errorf("package %s is not in the drawing of docs/architecture.md", pkg)
		} else if last := n == len(lines); last != slices.Contains(bottom, pkg) {
			t.Errorf("package %s: in the last line %v, open to all %v", pkg, last, !last)
		}
	}
	for u := range used {
		if line[u.pkg] >= line[u.imports] {
			t.Errorf("package %s imports %s, which is not below it in docs/architecture.md", u.pkg, u.imports)
		}
	}
}

func TestForbiddenPackagesAreForbiddenWithAllBelowThem(t *testing.T) {
	for path, want := range map[string]bool{"net": true, "net/http": true, "os": true, "os/exec": true, "network": false, "osext": false, "fmt": false} {
		if got := forbidden("engine", path); got != want {
			t.Errorf("engine and %s: forbidden %v, want %v", path, got, want)
		}
	}
}

// forbidden reports whether pkg stays free of the package at path.
func forbidden(pkg, path string) bool {
	return slices.ContainsFunc(free[pkg], func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

// walk calls visit for every Go file of the module.
func walk(t *testing.T, visit func(root, pkg, path string)) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		visit(root, filepath.ToSlash(pkg), path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, root, pkg, path string, used map[use]bool) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	test := strings.HasSuffix(path, "_test.go")
	name, _ := filepath.Rel(root, path)
	for _, spec := range file.Imports {
		to, _ := strconv.Unquote(spec.Path.Value)
		own, inside := strings.CutPrefix(to, "cached/")
		switch {
		case inside && slices.Contains(bottom, own):
		case inside && test && pkg != "tests/compat":
			// Tests may look at parts below from further up.
		case inside:
			may, drawn := allowed[pkg]
			if !drawn && !slices.Contains(bottom, pkg) {
				t.Errorf("%s: package %s is not in the drawing", name, pkg)
			} else if !slices.Contains(may, own) {
				t.Errorf("%s imports %s, which %s may not", name, to, pkg)
			}
			used[use{pkg, own}] = true
		case test:
		case to == "unsafe" && !slices.Contains(memory, pkg):
			t.Errorf("%s imports unsafe", name)
		case forbidden(pkg, to):
			t.Errorf("%s imports %s, which %s stays free of", name, to, pkg)
		}
	}
}
