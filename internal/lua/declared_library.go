package lua

import "github.com/yuin/gopher-lua/ast"

// A library is analysed like a script: the first parameter of its callbacks is KEYS. It must have the same name in
// all of them and be used for nothing else, and only the server may call a callback.

// declaredLibrary decides whether all keys that the functions of a library touch
// are among those they are called with.
func declaredLibrary(chunk []ast.Stmt, keysOf KeysOf) bool {
	names := newAnalysis(keysOf, "")
	names.count(chunk)
	found, ok := registered(chunk, names)
	if !ok {
		return false
	}
	keys, with := "", 0
	for _, f := range found {
		if len(f.ParList.Names) == 0 {
			continue
		}
		if with++; with > 1 && f.ParList.Names[0] != keys {
			return false
		}
		keys = f.ParList.Names[0]
	}
	a := newAnalysis(keysOf, keys)
	a.count(chunk)
	for name := range names.fine {
		a.fine[name] = true
	}
	return a.understandAll(chunk) && a.bound[keys] == 2*with && !a.escapesCallback(found)
}

// registered finds the callbacks of a library. It marks the names by which they are registered as accepted, in a;
// ok is false if it cannot determine what is registered.
func registered(chunk []ast.Stmt, a *analysis) (found []*ast.FunctionExpr, ok bool) {
	mentions, calls := 0, 0
	ok = true
	w := walker{
		stmt: func(st ast.Stmt) {
			if _, is := st.(*ast.FuncDefStmt); is {
				ok = false
			}
		},
		expr: func(e ast.Expr) ast.Expr {
			if isRegister(e) {
				mentions++
			}
			c, is := e.(*ast.FuncCallExpr)
			if !is || c.Receiver != nil || !isRegister(c.Func) {
				return e
			}
			calls++
			f := a.functionOf(callbackOf(c.Args))
			if f == nil {
				ok = false
				return e
			}
			found = append(found, f)
			return e
		},
	}
	w.stmts(chunk)
	// Any other use of a named callback might be a call with other keys.
	for _, f := range found {
		for name, from := range a.from {
			if from == ast.Expr(f) && a.bound[name] != 1 {
				ok = false
			}
		}
	}
	w = walker{expr: func(e ast.Expr) ast.Expr {
		if id, is := e.(*ast.IdentExpr); is && !a.fine[e] && a.from[id.Value] != nil {
			for _, f := range found {
				if a.from[id.Value] == ast.Expr(f) {
					ok = false
				}
			}
		}
		return e
	}}
	w.stmts(chunk)
	return found, ok && mentions == calls
}

func isRegister(e ast.Expr) bool {
	get, ok := e.(*ast.AttrGetExpr)
	if !ok || !isIdent(get.Object, "redis") {
		return false
	}
	name, ok := get.Key.(*ast.StringExpr)
	return ok && name.Value == "register_function"
}

// callbackOf is the callback among the arguments of register_function, or nil.
func callbackOf(args []ast.Expr) ast.Expr {
	switch len(args) {
	case 1:
		t, ok := args[0].(*ast.TableExpr)
		if !ok {
			return nil
		}
		for _, f := range t.Fields {
			if key, ok := f.Key.(*ast.StringExpr); ok && key.Value == "callback" {
				return f.Value
			}
		}
	case 2:
		return args[1]
	}
	return nil
}

// functionOf is the function that e is or names, or nil.
func (a *analysis) functionOf(e ast.Expr) *ast.FunctionExpr {
	switch e := e.(type) {
	case *ast.FunctionExpr:
		return e
	case *ast.IdentExpr:
		if f, ok := a.from[e.Value].(*ast.FunctionExpr); ok && a.bound[e.Value] == 1 {
			a.fine[e] = true
			return f
		}
	}
	return nil
}

// escapesCallback reports whether a function inside a callback speaks of keys or
// commands: it might be called when the call with these keys is over.
func (a *analysis) escapesCallback(found []*ast.FunctionExpr) (escapes bool) {
	speaks := walker{expr: func(e ast.Expr) ast.Expr {
		if id, ok := e.(*ast.IdentExpr); ok && (id.Value == "redis" || id.Value == a.keys || a.isCommand(a.from[id.Value])) {
			escapes = true
		}
		return e
	}}
	inner := walker{expr: func(e ast.Expr) ast.Expr {
		if f, ok := e.(*ast.FunctionExpr); ok {
			speaks.stmts(f.Stmts)
		}
		return e
	}}
	for _, f := range found {
		inner.stmts(f.Stmts)
	}
	return escapes
}
