package lua

import (
	"fmt"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// A parser turns a program into the tree that the interpreter compiles. It accepts the grammar of Lua 5.1 and
// reports errors with the texts of C's Lua; the interpreter's own parser accepts goto and does not report what it
// expected.
type parser struct {
	lexer
	level int // of nesting
	fn    *funcScope
	names map[ast.Expr]string // name of an expression in errors: local 'x'
	notes []string
	wraps bool // there are calls of operand
}

// A program that was parsed. The line of a node that may fail holds the line and, from noteShift on, one more than
// the index of a note: the names of its operands in errors.
type parsed struct {
	stmts []ast.Stmt
	notes []string
	// lengths says that # is compiled as a call of a function: the program uses __len, which Lua 5.1 ignores in
	// tables, and the interpreter does not.
	lengths bool
	wraps   bool // there are calls of operand
}

const (
	noteShift = 32
	lineMask  = 1<<noteShift - 1
)

// Bounds of C's Lua.
const (
	maxNesting  = 200
	maxLocals   = 200
	maxUpvalues = 60
)

// A funcScope is the parser's state for the function that it reads.
type funcScope struct {
	outer    *funcScope
	line     int // at which it begins; 0 is the chunk
	vararg   bool
	loops    int
	locals   []string
	upvalues []string
}

// parseChunk parses a program. work, if it is not nil, is called with the cost, and may stop the parsing by a
// panic.
func parseChunk(source, name string, work func(n int)) (chunk parsed, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(syntaxError)
			if !ok {
				panic(r)
			}
			chunk, err = parsed{}, e
		}
	}()
	p := &parser{lexer: lexer{name: name, in: source, line: 1, work: work}, names: map[ast.Expr]string{}}
	p.fn = &funcScope{vararg: true}
	p.advance()
	stmts := p.chunk()
	p.check(tokEOF)
	return parsed{stmts: stmts, notes: p.notes, wraps: p.wraps}, nil
}

// note records the names of a node's operands for errors.
func (p *parser) note(n ast.PositionHolder, names ...string) {
	text := strings.Join(names, "\x00")
	if len(text) < len(names) { // there are no names
		return
	}
	p.notes = append(p.notes, text)
	n.SetLine(n.Line() | len(p.notes)<<noteShift)
}

func (p *parser) enter() {
	if p.level++; p.level > maxNesting {
		p.fail("chunk has too many syntax levels", 0)
	}
}

func (p *parser) leave() { p.level-- }

// wrong says that the current token is.
func (p *parser) wrong(text string) { p.fail(text, p.tok) }

func (p *parser) expected(t token) { p.wrong("'" + t.String() + "' expected") }

func (p *parser) check(t token) {
	if p.tok != t {
		p.expected(t)
	}
}

func (p *parser) need(t token) {
	p.check(t)
	p.advance()
}

func (p *parser) skip(t token) bool {
	if p.tok != t {
		return false
	}
	p.advance()
	return true
}

// close requires the token that closes the one that was opened at a line.
func (p *parser) close(t, opened token, line int) {
	if p.skip(t) {
		return
	}
	if line == p.line {
		p.expected(t)
	}
	p.wrong(fmt.Sprintf("'%s' expected (to close '%s' at line %d)", t, opened, line))
}

func (p *parser) takeName() string {
	p.check(tokName)
	name := p.text
	p.advance()
	return name
}

// limit refuses more of something than a function may have.
func (p *parser) limit(f *funcScope, n, most int, what string) {
	if n <= most {
		return
	}
	if f.line == 0 {
		p.fail(fmt.Sprintf("main function has more than %d %s", most, what), 0)
	}
	p.fail(fmt.Sprintf("function at line %d has more than %d %s", f.line, most, what), 0)
}

// declare makes names local from here on; more of them, not yet declared, are pending.
func (p *parser) declare(names ...string) {
	p.fn.locals = append(p.fn.locals, names...)
}

func (p *parser) room(pending int) {
	p.limit(p.fn, len(p.fn.locals)+pending, maxLocals, "local variables")
}

// use records the use of a name, which may make it an upvalue of functions, and returns its name for errors.
func (p *parser) use(name string) string {
	f := p.fn
	for f != nil && !contains(f.locals, name) {
		f = f.outer
	}
	switch f {
	case nil:
		return "global '" + name + "'"
	case p.fn:
		return "local '" + name + "'"
	}
	for g := p.fn; g != f; g = g.outer {
		if !contains(g.upvalues, name) {
			g.upvalues = append(g.upvalues, name)
			p.limit(g, len(g.upvalues), maxUpvalues, "upvalues")
		}
	}
	return "upvalue '" + name + "'"
}

func contains(list []string, name string) bool {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == name {
			return true
		}
	}
	return false
}

func at[N ast.PositionHolder](n N, line int) N {
	n.SetLine(line)
	n.SetLastLine(line)
	return n
}

// ends reports whether the current token ends a block.
func (p *parser) ends() bool {
	switch p.tok {
	case tokElse, tokElseif, tokEnd, tokUntil, tokEOF:
		return true
	}
	return false
}

func (p *parser) chunk() []ast.Stmt {
	p.enter()
	list := []ast.Stmt{}
	for last := false; !last && !p.ends(); {
		var st ast.Stmt
		st, last = p.statement()
		list = append(list, st)
		p.skip(';')
	}
	p.leave()
	return list
}

func (p *parser) block() []ast.Stmt {
	n := len(p.fn.locals)
	list := p.chunk()
	p.fn.locals = p.fn.locals[:n]
	return list
}

// loop is a block that break leaves.
func (p *parser) loop() []ast.Stmt {
	p.fn.loops++
	list := p.block()
	p.fn.loops--
	return noJumpFirst(list)
}

// beginsConstant reports whether the first operand of a condition is a constant.
func beginsConstant(e ast.Expr) bool {
	for {
		switch of := e.(type) {
		case *ast.LogicalOpExpr:
			e = of.Lhs
		case *ast.UnaryNotOpExpr:
			e = of.Expr
		default:
			_, constant := e.(ast.ConstExpr)
			return constant
		}
	}
}

// noJumpFirst is the body of a loop, which must not begin with a jump: the interpreter's compiler confuses a jump
// back to a jump with one to another place.
func noJumpFirst(body []ast.Stmt) []ast.Stmt {
	if len(body) == 0 {
		return body
	}
	jumps := false
	switch st := body[0].(type) {
	case *ast.BreakStmt, *ast.DoBlockStmt, *ast.WhileStmt, *ast.RepeatStmt:
		jumps = true
	case *ast.IfStmt:
		jumps = beginsConstant(st.Condition)
	}
	// So may an expression like `nil and x or y`.
	w := walker{flat: true, expr: func(e ast.Expr) ast.Expr {
		if l, ok := e.(*ast.LogicalOpExpr); ok && beginsConstant(l) {
			jumps = true
		}
		return e
	}}
	if !jumps {
		w.stmts(body[:1])
	}
	if !jumps {
		return body
	}
	line := body[0].Line()
	return append([]ast.Stmt{at(&ast.LocalAssignStmt{Names: []string{"(start)"}, Exprs: []ast.Expr{at(&ast.NilExpr{}, line)}}, line)}, body...)
}

func (p *parser) statement() (st ast.Stmt, last bool) {
	line := p.line
	switch p.tok {
	case tokIf:
		return p.ifStatement(line), false
	case tokWhile:
		p.advance()
		s := &ast.WhileStmt{Condition: p.expr()}
		p.need(tokDo)
		s.Stmts = p.loop()
		p.close(tokEnd, tokWhile, line)
		s.SetLine(line)
		s.SetLastLine(p.last)
		return s, false
	case tokDo:
		p.advance()
		s := &ast.DoBlockStmt{Stmts: p.block()}
		p.close(tokEnd, tokDo, line)
		s.SetLine(line)
		s.SetLastLine(p.last)
		return s, false
	case tokFor:
		return p.forStatement(line), false
	case tokRepeat:
		return p.repeat(line), false
	case tokFunction:
		return p.function(line), false
	case tokLocal:
		p.advance()
		if p.skip(tokFunction) {
			return p.localFunction(line), false
		}
		return p.local(line), false
	case tokReturn:
		p.advance()
		s := at(&ast.ReturnStmt{}, line)
		if !p.ends() && p.tok != ';' {
			s.Exprs = p.exprs()
		}
		return s, true
	case tokBreak:
		p.advance()
		if p.fn.loops == 0 {
			p.wrong("no loop to break")
		}
		return at(&ast.BreakStmt{}, line), true
	}
	return p.exprStatement(line), false
}

func (p *parser) ifStatement(line int) ast.Stmt {
	first := p.test(line)
	all := []*ast.IfStmt{first}
	for p.tok == tokElseif {
		st := p.test(p.line)
		all[len(all)-1].Else = []ast.Stmt{st}
		all = append(all, st)
	}
	if p.skip(tokElse) {
		all[len(all)-1].Else = p.block()
	}
	p.close(tokEnd, tokIf, line)
	for _, st := range all {
		st.SetLastLine(p.last)
	}
	return first
}

// test is if or elseif with its condition and block.
func (p *parser) test(line int) *ast.IfStmt {
	p.advance()
	st := &ast.IfStmt{Condition: p.expr()}
	p.need(tokThen)
	st.Then = p.block()
	st.SetLine(line)
	return st
}

func (p *parser) forStatement(line int) (st ast.Stmt) {
	p.advance()
	n := len(p.fn.locals)
	name := p.takeName()
	switch p.tok {
	case '=':
		p.advance()
		s := &ast.NumberForStmt{Name: name, Init: p.expr()}
		p.need(',')
		s.Limit = p.expr()
		if p.skip(',') {
			s.Step = p.expr()
		}
		s.Stmts = p.forBody(name)
		st = p.needNumbers(s, line)
	case ',', tokIn:
		s := &ast.GenericForStmt{Names: []string{name}}
		for p.skip(',') {
			s.Names = append(s.Names, p.takeName())
			p.room(3 + len(s.Names))
		}
		p.need(tokIn)
		s.Exprs = p.exprs()
		s.Stmts = p.forBody(s.Names...)
		st = s
		if len(s.Exprs) > 1 || !simpleCall(s.Exprs[0]) {
			st = throughLocals(s, line)
		}
	default:
		p.wrong("'=' or 'in' expected")
	}
	p.close(tokEnd, tokFor, line)
	p.fn.locals = p.fn.locals[:n]
	st.SetLine(line)
	st.SetLastLine(p.last)
	return st
}

// simpleCall reports whether an expression is a call of a function that is not itself the result of a call. Other
// expressions may be compiled into the wrong registers of a for statement.
func simpleCall(e ast.Expr) bool {
	c, ok := e.(*ast.FuncCallExpr)
	if !ok || c.Func == nil {
		return false
	}
	for f := c.Func; ; {
		switch of := f.(type) {
		case *ast.IdentExpr:
			return true
		case *ast.AttrGetExpr:
			f = of.Object
		default:
			return false
		}
	}
}

// throughLocals has a for statement go over local variables that have the values of its
// expressions.
func throughLocals(s *ast.GenericForStmt, line int) ast.Stmt {
	values := at(&ast.LocalAssignStmt{Names: []string{"(next)", "(state)", "(control)"}, Exprs: s.Exprs}, line)
	s.Exprs = nil
	for _, name := range values.Names {
		s.Exprs = append(s.Exprs, at(&ast.IdentExpr{Value: name}, line))
	}
	return &ast.DoBlockStmt{Stmts: []ast.Stmt{values, at(s, line)}}
}

// needNumbers has a for statement over numbers take them from a function that reads
// text as numbers, unless it can be seen that they are numbers.
func (p *parser) needNumbers(s *ast.NumberForStmt, line int) ast.Stmt {
	if isNumber(s.Init) && isNumber(s.Limit) && (s.Step == nil || isNumber(s.Step)) {
		return s
	}
	p.wraps = true
	step := s.Step
	if step == nil {
		step = at(&ast.NumberExpr{Value: "1"}, line)
	}
	read := at(&ast.FuncCallExpr{Func: at(&ast.IdentExpr{Value: operand}, line)}, line)
	for _, e := range []ast.Expr{s.Init, s.Limit, step, at(&ast.TrueExpr{}, line)} {
		read.Args = append(read.Args, one(e))
	}
	values := at(&ast.LocalAssignStmt{Names: []string{"(init)", "(limit)", "(step)"}, Exprs: []ast.Expr{read}}, line)
	s.Init, s.Limit, s.Step = at(&ast.IdentExpr{Value: "(init)"}, line), at(&ast.IdentExpr{Value: "(limit)"}, line), at(&ast.IdentExpr{Value: "(step)"}, line)
	return &ast.DoBlockStmt{Stmts: []ast.Stmt{values, at(s, line)}}
}

// isNumber reports whether an expression is a number or an error, in a program without
// metatables; with them, the interpreter finds out.
func isNumber(e ast.Expr) bool {
	switch e.(type) {
	case *ast.NumberExpr, *ast.UnaryLenOpExpr, *ast.ArithmeticOpExpr, *ast.UnaryMinusOpExpr:
		return true
	}
	return false
}

// one restricts an expression to one value.
func one(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.Comma3Expr:
		e.AdjustRet = true
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	}
	return e
}

func (p *parser) forBody(names ...string) []ast.Stmt {
	p.need(tokDo)
	p.room(3 + len(names))
	p.declare("(for)", "(for)", "(for)") // the loop's own variables
	p.declare(names...)
	return p.loop()
}

func (p *parser) repeat(line int) ast.Stmt {
	p.advance()
	n := len(p.fn.locals)
	p.fn.loops++
	s := &ast.RepeatStmt{Stmts: noJumpFirst(p.chunk())}
	p.fn.loops--
	p.close(tokUntil, tokRepeat, line)
	s.Condition = p.expr() // sees the variables of the block
	p.fn.locals = p.fn.locals[:n]
	s.SetLine(line)
	s.SetLastLine(p.last)
	return s
}

func (p *parser) function(line int) ast.Stmt {
	p.advance()
	at1 := p.line
	id := p.takeName()
	name := &ast.FuncName{Func: at(&ast.IdentExpr{Value: id}, at1)}
	p.names[name.Func] = p.use(id)
	for p.tok == '.' {
		p.advance()
		name.Func = p.field(name.Func)
	}
	method := p.skip(':')
	if method {
		name.Receiver, name.Func, name.Method = name.Func, nil, p.takeName()
		if name.Receiver.Line() <= lineMask {
			p.note(name.Receiver, p.names[name.Receiver])
		}
	}
	s := &ast.FuncDefStmt{Name: name, Func: p.body(method, line)}
	s.SetLine(line)
	s.SetLastLine(p.last)
	return s
}

// field reads the name after a point.
func (p *parser) field(object ast.Expr) ast.Expr {
	line := p.line
	name := p.takeName()
	e := at(&ast.AttrGetExpr{Object: object, Key: at(&ast.StringExpr{Value: name}, line)}, line)
	p.names[e] = "field '" + name + "'"
	p.note(e, p.names[object])
	return e
}

func (p *parser) localFunction(line int) ast.Stmt {
	name := p.takeName()
	p.room(1)
	p.declare(name)
	s := &ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{p.body(false, p.line)}}
	s.SetLine(line)
	s.SetLastLine(p.last)
	return s
}

func (p *parser) local(line int) ast.Stmt {
	s := &ast.LocalAssignStmt{Exprs: []ast.Expr{}}
	for first := true; first || p.skip(','); first = false {
		s.Names = append(s.Names, p.takeName())
		p.room(len(s.Names))
	}
	if p.skip('=') {
		s.Exprs = p.exprs()
	}
	p.declare(s.Names...)
	s.SetLine(line)
	s.SetLastLine(p.last)
	return s
}

// body is a function from its parameters on.
func (p *parser) body(method bool, line int) *ast.FunctionExpr {
	f := &ast.FunctionExpr{ParList: &ast.ParList{Names: []string{}}}
	p.fn = &funcScope{outer: p.fn, line: line}
	if method {
		p.declare("self")
	}
	p.need('(')
	if p.tok != ')' {
		p.parameters(f.ParList)
	}
	p.need(')')
	f.Stmts = p.chunk()
	p.close(tokEnd, tokFunction, line)
	p.fn = p.fn.outer
	f.SetLine(line)
	f.SetLastLine(p.last)
	return f
}

func (p *parser) parameters(list *ast.ParList) {
	for first := true; first || !list.HasVargs && p.skip(','); first = false {
		switch p.tok {
		case tokName:
			list.Names = append(list.Names, p.takeName())
			p.room(len(list.Names))
		case tokDots:
			p.advance()
			list.HasVargs, p.fn.vararg = true, true
		default:
			p.wrong("<name> or '...' expected")
		}
	}
	p.declare(list.Names...)
	if list.HasVargs {
		p.declare("arg")
	}
}

func (p *parser) exprStatement(line int) ast.Stmt {
	e, kind := p.primary()
	if kind == isCall {
		s := &ast.FuncCallStmt{Expr: e}
		s.SetLine(line)
		s.SetLastLine(p.last)
		return s
	}
	s := &ast.AssignStmt{Lhs: []ast.Expr{e}}
	for {
		if kind != isVariable {
			p.wrong("syntax error")
		}
		if !p.skip(',') {
			break
		}
		e, kind = p.primary()
		s.Lhs = append(s.Lhs, e)
		p.limit(p.fn, len(s.Lhs), maxNesting-p.level, "variables in assignment")
	}
	p.need('=')
	s.Rhs = p.exprs()
	s.SetLine(line)
	s.SetLastLine(p.last)
	if len(s.Lhs) > 1 {
		return assignAll(s)
	}
	return s
}

// assignAll makes of an assignment to several variables one in which everything is
// computed before anything is assigned, from the last variable on: the interpreter's
// compiler lets the second value of `a, b = b, a` see the first.
func assignAll(s *ast.AssignStmt) ast.Stmt {
	line := s.Line()
	block := at(&ast.DoBlockStmt{}, line)
	hold := func(e ast.Expr, what string, i int) ast.Expr {
		id := at(&ast.IdentExpr{Value: fmt.Sprintf("(%s %d)", what, i)}, e.Line()&lineMask)
		block.Stmts = append(block.Stmts, at(&ast.LocalAssignStmt{Names: []string{id.Value}, Exprs: []ast.Expr{e}}, id.Line()))
		return id
	}
	to := make([]ast.Expr, len(s.Lhs))
	for i, e := range s.Lhs {
		to[i] = e
		if get, ok := e.(*ast.AttrGetExpr); ok {
			held := &ast.AttrGetExpr{Object: hold(get.Object, "object", i), Key: get.Key}
			if _, ok := get.Key.(ast.ConstExpr); !ok {
				held.Key = hold(get.Key, "key", i)
			}
			to[i] = at(held, get.Line())
		}
	}
	values := at(&ast.LocalAssignStmt{Exprs: s.Rhs}, line)
	for i := range to {
		values.Names = append(values.Names, fmt.Sprintf("(value %d)", i))
	}
	block.Stmts = append(block.Stmts, values)
	for i := len(to) - 1; i >= 0; i-- {
		value := at(&ast.IdentExpr{Value: values.Names[i]}, line)
		block.Stmts = append(block.Stmts, at(&ast.AssignStmt{Lhs: to[i : i+1], Rhs: []ast.Expr{value}}, line))
	}
	return block
}
