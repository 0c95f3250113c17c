package lua

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// A Program is a compiled script.
type Program struct {
	SHA    string // of the source, in hex
	Source string
	Flags  Flags
	// Declared reports the result of the analysis: all commands have only keys that are among KEYS.
	Declared bool

	// plain programs speak of redis.call, KEYS and ARGV in ways that let them be
	// local variables, which a chunk gets as its arguments.
	plain bool
	proto *glua.FunctionProto
}

// SHA1 is the name of a script: the hex digest of its source.
func SHA1(source []byte) string {
	sum := sha1.Sum(source)
	return hex.EncodeToString(sum[:])
}

// KeysOf returns the positions of a command's keys among its words. A word is nil if its text is not known; if the
// list is open, more words follow, and rest says whether they are keys. ok is false if the positions are not
// known.
type KeysOf func(words [][]byte, open bool) (keys []int, rest, ok bool)

// Compile compiles a script.
func Compile(source string, keysOf KeysOf) (*Program, error) {
	flags, body, err := shebang(source)
	if err != nil {
		return nil, err
	}
	chunk, err := parseText(body, "user_script", nil)
	if err != nil {
		return nil, fmt.Errorf("ERR Error compiling script (new function): %w", err)
	}
	p := &Program{SHA: SHA1([]byte(source)), Source: source, Flags: flags}
	p.Declared, p.plain = declared(chunk.stmts, keysOf)
	if p.plain {
		if p.proto, err = compileChunk(chunk, "user_script", plainChunk); err == nil {
			return p, nil
		}
		// It may have just as many local variables as it can have.
		p.plain = false
		if chunk, err = parseText(body, "user_script", nil); err != nil {
			return nil, fmt.Errorf("ERR Error compiling script (new function): %w", err)
		}
	}
	if p.proto, err = compileChunk(chunk, "user_script", scriptChunk); err != nil {
		return nil, fmt.Errorf("ERR Error compiling script (new function): %w", err)
	}
	return p, nil
}

// Size is about how much memory the program takes: its strings are in the source and
// among its constants.
func (p *Program) Size() int { return 512 + 2*len(p.Source) + protoBytes(p.proto) }

var errLevels = errors.New("chunk has too many syntax levels")

// parseText parses Lua. It refuses programs that are nested too deep, because they would overflow the compiler's
// stack.
func parseText(source, name string, work func(n int)) (parsed, error) {
	if strings.HasPrefix(source, "\x1bLua") {
		return parsed{}, errors.New("attempt to load a binary chunk")
	}
	chunk, err := parseChunk(source, name, work)
	if err != nil {
		return parsed{}, err
	}
	w := walker{}
	if !w.depthOK(chunk.stmts) {
		return parsed{}, errors.New(name + ":1: " + errLevels.Error())
	}
	chunk.lengths = strings.Contains(source, "__len")
	return chunk, nil
}

// Local variables of a chunk that no script can name: the function that formats an operand of `..`, and the two
// functions that run a command.
const (
	operand = "(operand)"
	call    = "(call)"
	pcall   = "(pcall)"
	rest    = "(rest)" // removes the arguments that the chunk must not see
)

// A chunkKind determines the arguments of a chunk, and which of them it sees.
type chunkKind int

const (
	scriptChunk chunkKind = iota // the operand function; it sees none
	plainChunk                   // call, pcall, KEYS and ARGV also; it sees none
	loadedChunk                  // the operand function and rest, and those that it sees
)

// compileChunk compiles a parsed program, with the operands of `..` wrapped. The chunk's first argument is the
// function that wraps them.
func compileChunk(tree parsed, name string, kind chunkKind) (*glua.FunctionProto, error) {
	chunk := tree.stmts
	w := walker{lengths: tree.lengths, wrapped: tree.wraps}
	w.wrapConcats(chunk)
	w.hideArguments(chunk, kind)
	if kind == plainChunk || w.wrapped {
		names := []string{operand}
		switch kind {
		case plainChunk:
			names = append(names, call, pcall, "KEYS", "ARGV")
			useLocals(chunk)
		case loadedChunk:
			names = append(names, rest)
		}
		first := at(&ast.LocalAssignStmt{Names: names, Exprs: []ast.Expr{at(&ast.Comma3Expr{}, 1)}}, 1)
		chunk = append([]ast.Stmt{first}, chunk...)
	}
	proto, err := glua.Compile(chunk, name)
	if err != nil {
		return nil, errors.New(compileMessage(name, err))
	}
	proto.IsVarArg &^= glua.VarArgNeedsArg // a chunk gets no table of its arguments
	placeNotes(proto, tree.notes)
	clip(proto)
	return proto, nil
}

// clip lets go of the room that the compiler has made for longer functions: 16 KiB for
// each.
func clip(f *glua.FunctionProto) {
	f.Code, f.DbgSourcePositions, f.Constants = slices.Clone(f.Code), slices.Clone(f.DbgSourcePositions), slices.Clone(f.Constants)
	f.FunctionPrototypes, f.DbgUpvalues = slices.Clone(f.FunctionPrototypes), slices.Clone(f.DbgUpvalues)
	f.DbgLocals, f.DbgCalls = slices.Clone(f.DbgLocals), slices.Clone(f.DbgCalls)
	for _, inner := range f.FunctionPrototypes {
		clip(inner)
	}
}

// protoBytes is about how much memory a compiled function takes.
func protoBytes(f *glua.FunctionProto) int {
	n := 1024 + 4*len(f.Code) + 8*len(f.DbgSourcePositions) + 64*len(f.Constants) + 64*len(f.DbgLocals) + 32*len(f.DbgCalls)
	for _, inner := range f.FunctionPrototypes {
		n += protoBytes(inner)
	}
	return n
}

// useLocals puts local variables in the place of redis.call and redis.pcall.
func useLocals(chunk []ast.Stmt) {
	w := walker{expr: func(e ast.Expr) ast.Expr {
		name := commandOf(e)
		if name == "" {
			return e
		}
		id := &ast.IdentExpr{Value: "(" + name + ")"}
		id.SetLine(e.Line())
		id.SetLastLine(e.LastLine())
		return id
	}}
	w.stmts(chunk)
}

var compileAt = regexp.MustCompile(`(?s)^compile error near line\((\d+)\) [^:]*: (.*)$`)

func compileMessage(name string, err error) string {
	if m := compileAt.FindStringSubmatch(err.Error()); m != nil {
		if strings.Contains(m[2], "register overflow") {
			return name + ":" + "1: function or expression too complex"
		}
		line, _ := strconv.Atoi(m[1])
		return fmt.Sprintf("%s:%d: %s", name, line&lineMask, m[2])
	}
	return name + ":1: " + err.Error()
}
