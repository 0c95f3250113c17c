package lua

import "github.com/yuin/gopher-lua/ast"

// maxLevels bounds how deep a program's expressions and blocks nest.
const maxLevels = 5000

// A walker visits the nodes of a parsed program.
type walker struct {
	expr    func(ast.Expr) ast.Expr // replaces an expression, after its parts
	stmt    func(ast.Stmt)          // before its parts
	flat    bool                    // leaves out the bodies of functions
	level   int
	deep    bool
	wrapped bool
	lengths bool // has # pass the function for operands, too
}

// depthOK reports whether the program nests no deeper than the compiler can handle.
func (w *walker) depthOK(chunk []ast.Stmt) bool {
	w.stmts(chunk)
	return !w.deep
}

// wrapConcats has the operands of `..` that may be numbers formatted.
func (w *walker) wrapConcats(chunk []ast.Stmt) {
	w.expr = func(e ast.Expr) ast.Expr {
		switch e := e.(type) {
		case *ast.StringConcatOpExpr:
			e.Lhs, e.Rhs = w.operand(e.Lhs), w.operand(e.Rhs)
		case *ast.UnaryLenOpExpr:
			if w.lengths {
				call := w.passed(e.Expr).(*ast.FuncCallExpr)
				call.Args = append(call.Args, at(&ast.TrueExpr{}, e.LastLine()))
				call.SetLine(e.Line())
				return call
			}
		case *ast.FuncCallExpr:
			// The compiler puts `for x in (f(a)..b):m() do` into the wrong registers.
			if _, ok := e.Receiver.(*ast.StringConcatOpExpr); ok {
				e.Receiver = w.passed(e.Receiver)
			}
		}
		return e
	}
	w.stmts(chunk)
}

// hideArguments hides arguments from the chunk: `...` becomes a call that returns nothing, or the arguments after
// the hidden ones.
func (w *walker) hideArguments(chunk []ast.Stmt, kind chunkKind) {
	hide := walker{flat: true, expr: func(e ast.Expr) ast.Expr {
		dots, ok := e.(*ast.Comma3Expr)
		if !ok {
			return e
		}
		w.wrapped = true
		seen := &ast.FuncCallExpr{Func: at(&ast.IdentExpr{Value: operand}, e.Line()), AdjustRet: dots.AdjustRet}
		if kind == loadedChunk {
			seen.Func = at(&ast.IdentExpr{Value: rest}, e.Line())
			seen.Args = []ast.Expr{at(&ast.Comma3Expr{}, e.Line())}
		}
		return at(seen, e.Line())
	}}
	hide.stmts(chunk)
}

func (w *walker) operand(e ast.Expr) ast.Expr {
	switch e.(type) {
	case *ast.StringExpr, *ast.StringConcatOpExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr:
		return e
	}
	return w.passed(e)
}

// passed is an expression wrapped in the function for operands.
func (w *walker) passed(e ast.Expr) ast.Expr {
	w.wrapped = true
	call := &ast.FuncCallExpr{Func: &ast.IdentExpr{Value: operand}, Args: []ast.Expr{one(e)}, AdjustRet: true}
	for _, n := range []ast.Expr{call, call.Func} {
		n.SetLine(e.Line())
		n.SetLastLine(e.LastLine())
	}
	return call
}

func (w *walker) down() bool {
	w.level++
	if w.level > maxLevels {
		w.deep = true
	}
	return !w.deep
}

func (w *walker) stmts(list []ast.Stmt) {
	if !w.down() {
		w.level--
		return
	}
	for _, st := range list {
		if w.stmt != nil {
			w.stmt(st)
		}
		switch st := st.(type) {
		case *ast.AssignStmt:
			w.exprs(st.Lhs)
			w.exprs(st.Rhs)
		case *ast.LocalAssignStmt:
			w.exprs(st.Exprs)
		case *ast.FuncCallStmt:
			w.one(&st.Expr)
		case *ast.DoBlockStmt:
			w.stmts(st.Stmts)
		case *ast.WhileStmt:
			w.one(&st.Condition)
			w.stmts(st.Stmts)
		case *ast.RepeatStmt:
			w.one(&st.Condition)
			w.stmts(st.Stmts)
		case *ast.IfStmt:
			w.one(&st.Condition)
			w.stmts(st.Then)
			w.stmts(st.Else)
		case *ast.NumberForStmt:
			w.one(&st.Init)
			w.one(&st.Limit)
			w.one(&st.Step)
			w.stmts(st.Stmts)
		case *ast.GenericForStmt:
			w.exprs(st.Exprs)
			w.stmts(st.Stmts)
		case *ast.FuncDefStmt:
			if st.Name.Func != nil {
				w.one(&st.Name.Func)
			}
			if st.Name.Receiver != nil {
				w.one(&st.Name.Receiver)
			}
			if !w.flat {
				w.stmts(st.Func.Stmts)
			}
		case *ast.ReturnStmt:
			w.exprs(st.Exprs)
		}
	}
	w.level--
}

func (w *walker) exprs(list []ast.Expr) {
	for i := range list {
		w.one(&list[i])
	}
}

// one walks an expression and puts its replacement in its place.
func (w *walker) one(p *ast.Expr) {
	if *p == nil {
		return
	}
	if !w.down() {
		w.level--
		return
	}
	switch e := (*p).(type) {
	case *ast.AttrGetExpr:
		w.one(&e.Object)
		w.one(&e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			w.one(&f.Key)
			w.one(&f.Value)
		}
	case *ast.FuncCallExpr:
		w.one(&e.Func)
		w.one(&e.Receiver)
		w.exprs(e.Args)
	case *ast.LogicalOpExpr:
		w.one(&e.Lhs)
		w.one(&e.Rhs)
	case *ast.RelationalOpExpr:
		w.one(&e.Lhs)
		w.one(&e.Rhs)
	case *ast.StringConcatOpExpr:
		w.one(&e.Lhs)
		w.one(&e.Rhs)
	case *ast.ArithmeticOpExpr:
		w.one(&e.Lhs)
		w.one(&e.Rhs)
	case *ast.UnaryMinusOpExpr:
		w.one(&e.Expr)
	case *ast.UnaryNotOpExpr:
		w.one(&e.Expr)
	case *ast.UnaryLenOpExpr:
		w.one(&e.Expr)
	case *ast.FunctionExpr:
		if !w.flat {
			w.stmts(e.Stmts)
		}
	}
	if w.expr != nil {
		*p = w.expr(*p)
	}
	w.level--
}
