package lua

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// Expressions of the grammar; statements are in parser.go.

func (p *parser) exprs() []ast.Expr {
	list := []ast.Expr{p.expr()}
	for p.skip(',') {
		list = append(list, p.expr())
	}
	return list
}

// The kinds of a primary expression.
type exprKind int

const (
	isValue exprKind = iota
	isVariable
	isCall
)

func (p *parser) primary() (e ast.Expr, kind exprKind) {
	line := p.line
	switch p.tok {
	case '(':
		p.advance()
		e = p.expr()
		p.close(')', '(', line)
		one(e)
	case tokName:
		e, kind = at(&ast.IdentExpr{Value: p.text}, line), isVariable
		p.names[e] = p.use(p.text)
		p.advance()
	default:
		p.wrong("unexpected symbol")
	}
	for {
		switch p.tok {
		case '.':
			p.advance()
			e, kind = p.field(e), isVariable
		case '[':
			p.advance()
			key := p.expr()
			p.need(']')
			object := e
			e, kind = at(&ast.AttrGetExpr{Object: object, Key: key}, p.last), isVariable
			p.names[e] = "field '?'"
			if text, ok := key.(*ast.StringExpr); ok {
				p.names[e] = "field '" + text.Value + "'"
			}
			p.note(e, p.names[object])
		case ':':
			p.advance()
			name := p.takeName()
			line := p.line
			object := e
			e, kind = at(&ast.FuncCallExpr{Receiver: object, Method: name, Args: p.arguments()}, line), isCall
			p.note(e, "method '"+name+"'", p.names[object])
		case '(', '{', tokString:
			line := p.line
			f := e
			e, kind = at(&ast.FuncCallExpr{Func: f, Args: p.arguments()}, line), isCall
			p.note(e, p.names[f])
		default:
			return e, kind
		}
	}
}

func (p *parser) arguments() []ast.Expr {
	line := p.line
	switch p.tok {
	case '(':
		if line != p.last {
			p.wrong("ambiguous syntax (function call x new statement)")
		}
		p.advance()
		list := []ast.Expr{}
		if p.tok != ')' {
			list = p.exprs()
		}
		p.close(')', '(', line)
		return list
	case '{':
		return []ast.Expr{p.table()}
	case tokString:
		e := at(&ast.StringExpr{Value: p.text}, line)
		p.advance()
		return []ast.Expr{e}
	}
	p.wrong("function arguments expected")
	return nil
}

func (p *parser) table() ast.Expr {
	line := p.line
	t := &ast.TableExpr{Fields: []*ast.Field{}}
	p.need('{')
	for p.tok != '}' {
		f := &ast.Field{}
		switch {
		case p.tok == '[':
			p.advance()
			f.Key = p.expr()
			p.need(']')
			p.need('=')
		case p.tok == tokName && p.peek() == '=':
			f.Key = at(&ast.StringExpr{Value: p.text}, p.line)
			p.advance()
			p.advance()
		}
		f.Value = p.expr()
		t.Fields = append(t.Fields, f)
		if !p.skip(',') && !p.skip(';') {
			break
		}
	}
	p.close('}', '{', line)
	return at(t, line)
}

func (p *parser) simple() ast.Expr {
	line := p.line
	var e ast.Expr
	switch p.tok {
	case tokNumber:
		e = &ast.NumberExpr{Value: numberLiteral(p.text)}
	case tokString:
		e = &ast.StringExpr{Value: p.text}
	case tokNil:
		e = &ast.NilExpr{}
	case tokTrue:
		e = &ast.TrueExpr{}
	case tokFalse:
		e = &ast.FalseExpr{}
	case tokDots:
		if !p.fn.vararg {
			p.wrong("cannot use '...' outside a vararg function")
		}
		e = &ast.Comma3Expr{}
	case '{':
		return p.table()
	case tokFunction:
		p.advance()
		return p.body(false, line)
	default:
		e, _ = p.primary()
		return e
	}
	p.advance()
	return at(e, line)
}

// numberLiteral is a number as the interpreter's compiler reads it, for which 010 is
// eight.
func numberLiteral(text string) string {
	n, _ := parseNumber(text)
	if i := int64(n); n >= 0 && n < 1e15 && float64(i) == float64(n) {
		return strconv.FormatInt(i, 10)
	}
	return strconv.FormatFloat(float64(n), 'g', -1, 64)
}

// The binding strengths of operators to their left and right.
var binaryOperators = map[token]struct {
	left, right int
	sign        string
}{
	'+': {6, 6, "+"}, '-': {6, 6, "-"}, '*': {7, 7, "*"}, '/': {7, 7, "/"}, '%': {7, 7, "%"}, '^': {10, 9, "^"}, tokConcat: {5, 4, ".."},
	tokNE: {3, 3, "~="}, tokEq: {3, 3, "=="}, '<': {3, 3, "<"}, tokLE: {3, 3, "<="}, '>': {3, 3, ">"}, tokGE: {3, 3, ">="},
	tokAnd: {2, 2, "and"}, tokOr: {1, 1, "or"},
}

const unaryBinds = 8

func (p *parser) expr() ast.Expr { return p.operators(0) }

// operators is an expression whose operators bind more strongly than limit.
func (p *parser) operators(limit int) (e ast.Expr) {
	p.enter()
	switch op := p.tok; op {
	case tokNot, '-', '#':
		p.advance()
		of := p.operators(unaryBinds)
		switch op {
		case tokNot:
			e = &ast.UnaryNotOpExpr{Expr: of}
		case '-':
			e = &ast.UnaryMinusOpExpr{Expr: of}
		default:
			e = &ast.UnaryLenOpExpr{Expr: of}
		}
		p.note(at(e, p.last), p.names[of])
	default:
		e = p.simple()
	}
	for {
		op, ok := binaryOperators[p.tok]
		if !ok || op.left <= limit {
			break
		}
		p.advance()
		lhs := e
		rhs := p.operators(op.right)
		switch op.left {
		case 1, 2:
			e = &ast.LogicalOpExpr{Operator: op.sign, Lhs: e, Rhs: rhs}
		case 3:
			e = &ast.RelationalOpExpr{Operator: op.sign, Lhs: e, Rhs: rhs}
		case 5:
			e = &ast.StringConcatOpExpr{Lhs: e, Rhs: rhs}
		default:
			e = &ast.ArithmeticOpExpr{Operator: op.sign, Lhs: e, Rhs: rhs}
		}
		at(e, p.last)
		switch op.left {
		case 1, 2, 3:
		case 5:
			p.note(e, append([]string{p.names[lhs]}, p.joined(rhs)...)...)
		default:
			p.note(e, p.names[lhs], p.names[rhs])
		}
	}
	p.leave()
	return e
}

// joined are the names of the operands of one or more `..`.
func (p *parser) joined(e ast.Expr) []string {
	var names []string
	for {
		c, ok := e.(*ast.StringConcatOpExpr)
		if !ok {
			return append(names, p.names[e])
		}
		names = append(names, p.names[c.Lhs])
		e = c.Rhs
	}
}
