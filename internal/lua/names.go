package lua

import (
	"fmt"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// An error of the interpreter has the line, but not the name of the variable. The
// parser notes the names of the operands of each expression; the notes are in the
// debugging information of a function, by instruction. So that an error has its
// instruction, the line that the interpreter records for an instruction is
//
//	1<<62 | (index+1)<<32 | line
//
// and every message that leaves this package has been converted by described, which
// looks the note up, or by plainLines.
const (
	codedLine = 1 << 62
	codeShift = 32
)

func lineOf(coded int) int { return coded & lineMask }

// placeNotes brings the notes to the instructions of a function, and codes its lines.
func placeNotes(f *glua.FunctionProto, notes []string) {
	for i, at := range f.DbgSourcePositions {
		if n := at >> noteShift; n > 0 && mayFail(f.Code[i]) {
			f.DbgCalls = append(f.DbgCalls, glua.DbgCall{Name: notes[n-1], Pc: -1 - i})
		}
		f.DbgSourcePositions[i] = codedLine | (i+1)<<codeShift | lineOf(at)
	}
	f.LineDefined, f.LastLineDefined = lineOf(f.LineDefined), lineOf(f.LastLineDefined)
	for _, inner := range f.FunctionPrototypes {
		placeNotes(inner, notes)
	}
}

func opcode(inst uint32) int { return int(inst >> 26) }

func mayFail(inst uint32) bool {
	switch opcode(inst) {
	case glua.OP_GETTABLE, glua.OP_GETTABLEKS, glua.OP_SETTABLE, glua.OP_SETTABLEKS, glua.OP_SELF, glua.OP_ADD, glua.OP_SUB,
		glua.OP_MUL, glua.OP_DIV, glua.OP_MOD, glua.OP_POW, glua.OP_UNM, glua.OP_LEN, glua.OP_CONCAT, glua.OP_CALL, glua.OP_TAILCALL:
		return true
	}
	return false
}

// A failed is an instruction at which an error happened.
type failed struct {
	l     *glua.LState
	frame *glua.Debug
	fn    *glua.FunctionProto
	pc    int
	inst  uint32
	names []string

	raiser *glua.Debug // the function of a library in which it happened, or nil
	inside bool        // another function of a library called that
}

// failedAt is the instruction that the Lua function at a level of the stack is at, or
// the next one below it.
func failedAt(l *glua.LState, level int) (*failed, bool) {
	var raiser *glua.Debug
	inside := false
	for end := level + 4; level < end; level++ {
		d, ok := l.GetStack(level)
		if !ok {
			return nil, false
		}
		v, err := l.GetInfo("fSl", d, glua.LNil)
		if err != nil {
			return nil, false
		}
		fn, ok := v.(*glua.LFunction)
		if !ok || fn.IsG || d.CurrentLine < codedLine {
			inside = raiser != nil
			if raiser == nil {
				raiser = d
			}
			continue
		}
		f := &failed{l: l, frame: d, fn: fn.Proto, raiser: raiser, inside: inside, pc: (d.CurrentLine&^codedLine)>>codeShift - 1}
		f.inst = f.fn.Code[f.pc]
		for _, c := range f.fn.DbgCalls {
			if c.Pc == -1-f.pc {
				f.names = strings.Split(c.Name, "\x00")
			}
		}
		return f, true
	}
	return nil, false
}

// where is the place, as the interpreter puts it in front of a message.
func (f *failed) where() string {
	return f.frame.Source + ":" + strconv.Itoa(f.frame.CurrentLine) + ": "
}

func (f *failed) a() int { return int(f.inst>>18) & 0xff }
func (f *failed) b() int { return int(f.inst & 0x1ff) }
func (f *failed) c() int { return int(f.inst>>9) & 0x1ff }

// constantBit is set in an operand that is a constant.
const constantBit = 1 << 8

// operand is the value of an operand.
func (f *failed) operand(i int) glua.LValue {
	if i&constantBit != 0 {
		return f.fn.Constants[i&^constantBit]
	}
	if _, v := f.l.GetLocal(f.frame, i+1); v != nil {
		return v
	}
	return glua.LNil
}

// about describes the failed operation on the i-th operand.
func (f *failed) about(what string, i int, typ string) string {
	if i < len(f.names) && f.names[i] != "" {
		return fmt.Sprintf("attempt to %s %s (a %s value)", what, f.names[i], typ)
	}
	return fmt.Sprintf("attempt to %s a %s value", what, typ)
}

// words returns a message of the interpreter in the words of C's Lua.
func (f *failed) words(msg string) string {
	op := opcode(f.inst)
	switch {
	case strings.HasPrefix(msg, "attempt to index a non-table object("):
		typ, _, _ := strings.Cut(msg[len("attempt to index a non-table object("):], ")")
		i, operand := 0, f.b()
		switch op {
		case glua.OP_SETTABLE, glua.OP_SETTABLEKS:
			operand = f.a()
		case glua.OP_SELF:
			i = 1
		case glua.OP_GETTABLE, glua.OP_GETTABLEKS:
		default:
			i = len(f.names)
		}
		if i < len(f.names) && f.operand(operand).Type().String() != typ { // the text of a metatable
			i = len(f.names)
		}
		return f.about("index", i, typ)
	case msg == "attempt to call a non-function object":
		a := f.a()
		if op == glua.OP_TFORLOOP {
			return f.about("call", len(f.names), f.operand(a).Type().String())
		}
		if v := f.operand(a); v.Type() != glua.LTFunction {
			return f.about("call", 0, v.Type().String())
		}
		return msg // the error of a function of the libraries
	case msg == "__len undefined":
		return f.about("get length of", 0, f.operand(f.b()).Type().String())
	case msg == "__unm undefined":
		return f.about("perform arithmetic on", 0, f.operand(f.b()).Type().String())
	case strings.HasPrefix(msg, "cannot perform concat"):
		return f.concat(msg)
	case strings.HasPrefix(msg, "cannot perform "):
		return f.arithmetic(f.operand(f.b()), f.operand(f.c()))
	case msg == "for statement init must be a number":
		return "'for' initial value must be a number"
	case strings.HasPrefix(msg, "for statement "):
		return "'for' " + strings.TrimPrefix(msg, "for statement ")
	}
	return f.argument(msg)
}

// arithmetic says which of two operands is no number.
func (f *failed) arithmetic(x, y glua.LValue) string {
	if _, ok := numberOf(x); ok {
		return f.about("perform arithmetic on", 1, y.Type().String())
	}
	return f.about("perform arithmetic on", 0, x.Type().String())
}

// concat names the operand of `..` that is neither text nor a number: it finds the last two neighbours of which one
// is neither, and names the first of them unless that is text or a number.
func (f *failed) concat(msg string) string {
	_, types, _ := strings.Cut(msg, " between ")
	x, y, _ := strings.Cut(types, " and ")
	second := x == "string" || x == "number"
	if opcode(f.inst) == glua.OP_CONCAT {
		for i := f.c(); i > f.b(); i-- {
			if glua.LVCanConvToString(f.operand(i)) && glua.LVCanConvToString(f.operand(i-1)) {
				continue
			}
			at := i - 1 - f.b()
			if second {
				at++
			}
			if second {
				return f.about("concatenate", at, y)
			}
			return f.about("concatenate", at, x)
		}
	}
	if second {
		x = y
	}
	return f.about("concatenate", len(f.names), x)
}

// argument describes an error in an argument; a method's first is the object.
func (f *failed) argument(msg string) string {
	m := badArgument.FindStringSubmatch(msg)
	if m == nil {
		return msg
	}
	n, _ := strconv.Atoi(m[1])
	rest := m[3]
	if strings.HasSuffix(rest, ", got nil)") && f.raiser != nil {
		// Behind the last argument is the message.
		if name, v := f.l.GetLocal(f.raiser, n); name == "" || strings.HasSuffix(v.String(), msg) {
			rest = strings.TrimSuffix(rest, "nil)") + "no value)"
		}
	}
	if strings.HasPrefix(m[2], "(") {
		m[2] = "?"
		if opcode(f.inst) == glua.OP_TFORLOOP {
			m[2] = "(for generator)"
		}
	}
	if len(f.names) > 0 && f.names[0] == "method '"+m[2]+"'" {
		if n--; n == 0 {
			return fmt.Sprintf("calling '%s' on bad self (%s", m[2], rest)
		}
	}
	return fmt.Sprintf("bad argument #%d to '%s' (%s", n, m[2], rest)
}

// nowhere reports whether C's Lua adds no place to a message: an error of the interpreter in a function of the
// libraries, or of such a function called by another.
func (f *failed) nowhere(msg string) bool {
	if f.raiser == nil || f.l.G.CurrentThread != f.l && f.l.G.MainThread != f.l {
		return false
	}
	return f.inside || strings.HasPrefix(msg, "attempt to compare ") || strings.HasPrefix(msg, "table index is ")
}

// described is an error's value with the interpreter's message in the words of C's Lua.
// The function at a level of the stack, or one just below it, is where it happened.
func (s *State) described(l *glua.LState, v glua.LValue, level int) glua.LValue {
	text, ok := v.(glua.LString)
	if !ok {
		return v
	}
	if f, ok := failedAt(l, level); ok {
		if msg, ok := strings.CutPrefix(string(text), f.where()); ok {
			words := translate(f.words(msg))
			if f.nowhere(words) {
				return glua.LString(words)
			}
			return glua.LString(fmt.Sprintf("%s:%d: %s", f.frame.Source, lineOf(f.frame.CurrentLine), words))
		}
	}
	return glua.LString(plainLines(string(text)))
}

// plainText is a message that passed no handler.
func plainText(text string) string {
	if strings.HasSuffix(text, "callstack overflow") || strings.HasSuffix(text, "registry overflow") {
		return "stack overflow"
	}
	return plainLines(text)
}

// plainLines has a message show the line of the place that the interpreter has put in
// front of it.
func plainLines(text string) string {
	for from := 0; ; {
		i := strings.Index(text[from:], ":46") // every coded line begins so
		if i < 0 {
			return text
		}
		from += i + 1
		digits, rest, _ := strings.Cut(text[from:], ":")
		if n, err := strconv.Atoi(digits); err == nil && n >= codedLine {
			return text[:from] + strconv.Itoa(lineOf(n)) + ": " + translate(strings.TrimPrefix(rest, " "))
		}
	}
}
