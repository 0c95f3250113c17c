package lua

import "github.com/yuin/gopher-lua/ast"

// An analysis decides whether all keys of a program are among KEYS. It accepts only forms that it knows: commands
// by a literal name through redis.call or redis.pcall, whose keys are KEYS[...], variables that are set once from
// it, or unpack(KEYS).
type analysis struct {
	keysOf KeysOf
	keys   string              // the name of the table of keys
	bound  map[string]int      // how often a name is bound or assigned
	from   map[string]ast.Expr // the expression that a local was bound to
	each   map[string]bool     // variables of loops over KEYS
	fine   map[ast.Expr]bool   // uses of redis and KEYS that were understood
	ok     bool
}

// escapes are names with which a program could run code that the analysis does not see.
var escapes = map[string]bool{"load": true, "loadstring": true, "setfenv": true, "getfenv": true, "_G": true}

// declared reports that of a script, and whether it is plain: see Program.
func declared(chunk []ast.Stmt, keysOf KeysOf) (is, plain bool) {
	if keysOf == nil {
		return false, false
	}
	a := newAnalysis(keysOf, "KEYS")
	a.count(chunk)
	is = a.understandAll(chunk) && a.bound[a.keys] == 0
	return is, is && a.bound["ARGV"] == 0
}

func newAnalysis(keysOf KeysOf, keys string) *analysis {
	return &analysis{keysOf: keysOf, keys: keys, bound: map[string]int{}, from: map[string]ast.Expr{}, each: map[string]bool{},
		fine: map[ast.Expr]bool{}, ok: true}
}

// count collects the bindings of names.
func (a *analysis) count(chunk []ast.Stmt) {
	w := walker{stmt: a.bind, expr: a.params}
	w.stmts(chunk)
}

// understandAll reports whether all that touches keys was understood.
func (a *analysis) understandAll(chunk []ast.Stmt) bool {
	w := walker{stmt: a.understandStmt, expr: a.understand}
	w.stmts(chunk)
	w = walker{expr: a.check}
	w.stmts(chunk)
	return a.ok && a.bound["redis"]+a.bound["unpack"]+a.bound["ipairs"] == 0
}

// bind counts the names that a statement binds.
func (a *analysis) bind(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.LocalAssignStmt:
		for i, n := range st.Names {
			a.bound[n]++
			if i < len(st.Exprs) && len(st.Exprs) == len(st.Names) {
				a.from[n] = st.Exprs[i]
			}
		}
	case *ast.AssignStmt:
		for _, e := range st.Lhs {
			switch e := e.(type) {
			case *ast.IdentExpr:
				a.bound[e.Value] += 2
			case *ast.AttrGetExpr:
				if isIdent(e.Object, a.keys) || isIdent(e.Object, "redis") {
					a.ok = false
				}
			}
		}
	case *ast.NumberForStmt:
		a.bound[st.Name] += 2
	case *ast.GenericForStmt:
		each := len(st.Exprs) == 1 && len(st.Names) == 2 && isCallOf(st.Exprs[0], "ipairs", a.keys)
		for i, n := range st.Names {
			a.bound[n]++
			if each && i == 1 {
				a.each[n] = true
			}
		}
	case *ast.FuncDefStmt:
		if id, ok := st.Name.Func.(*ast.IdentExpr); ok {
			a.bound[id.Value] += 2
		}
		a.bindParams(st.Func.ParList)
	}
}

func (a *analysis) params(e ast.Expr) ast.Expr {
	if f, ok := e.(*ast.FunctionExpr); ok {
		a.bindParams(f.ParList)
	}
	return e
}

func (a *analysis) bindParams(p *ast.ParList) {
	for _, n := range p.Names {
		a.bound[n] += 2
	}
}

// understandStmt notes a loop over KEYS, and a local that is redis.call.
func (a *analysis) understandStmt(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.GenericForStmt:
		if len(st.Exprs) == 1 && isCallOf(st.Exprs[0], "ipairs", a.keys) {
			a.fine[st.Exprs[0].(*ast.FuncCallExpr).Args[0]] = true
		}
	case *ast.LocalAssignStmt:
		for i, e := range st.Exprs {
			if i < len(st.Names) && a.isCommand(e) && a.bound[st.Names[i]] == 1 {
				a.fine[e.(*ast.AttrGetExpr).Object] = true
			}
		}
	}
}

// isCommand reports whether e is redis.call or redis.pcall.
func (a *analysis) isCommand(e ast.Expr) bool { return commandOf(e) != "" }

// commandOf is call or pcall, if e is that of redis.
func commandOf(e ast.Expr) string {
	get, ok := e.(*ast.AttrGetExpr)
	if !ok || !isIdent(get.Object, "redis") {
		return ""
	}
	if name, ok := get.Key.(*ast.StringExpr); ok && (name.Value == "call" || name.Value == "pcall") {
		return name.Value
	}
	return ""
}

// understand marks the uses of redis and KEYS that are no danger.
func (a *analysis) understand(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.UnaryLenOpExpr:
		if isIdent(e.Expr, a.keys) {
			a.fine[e.Expr] = true
		}
	case *ast.AttrGetExpr:
		name, literal := e.Key.(*ast.StringExpr)
		switch {
		case isIdent(e.Object, a.keys):
			a.fine[e.Object] = true
		case isIdent(e.Object, "redis") && literal && name.Value != "call" && name.Value != "pcall":
			a.fine[e.Object] = true
		}
	case *ast.FuncCallExpr:
		id, isID := e.Func.(*ast.IdentExpr)
		switch {
		case a.isCommand(e.Func):
			a.fine[e.Func.(*ast.AttrGetExpr).Object] = true
			a.command(e.Args)
		case isID && a.bound[id.Value] == 1 && a.from[id.Value] != nil && a.isCommand(a.from[id.Value]):
			a.fine[e.Func] = true
			a.command(e.Args)
		case isCallOf(e, "unpack", a.keys):
			a.fine[e.Args[0]] = true
		}
	}
	return e
}

// command checks that all keys of one command are declared.
func (a *analysis) command(args []ast.Expr) {
	words := make([][]byte, 0, len(args))
	open, unpacked := false, false
	for i, e := range args {
		if i == len(args)-1 {
			switch e := e.(type) {
			case *ast.FuncCallExpr:
				if !e.AdjustRet {
					open, unpacked = true, isCallOf(e, "unpack", a.keys)
				}
			case *ast.Comma3Expr:
				open = true
			}
			if open {
				break
			}
		}
		var word []byte
		switch e := e.(type) {
		case *ast.StringExpr:
			word = []byte(e.Value)
		case *ast.NumberExpr:
			word = []byte(e.Value)
		}
		words = append(words, word)
	}
	if len(words) == 0 || words[0] == nil {
		a.ok = false
		return
	}
	keys, rest, ok := a.keysOf(words, open)
	if !ok || rest && open && !unpacked {
		a.ok = false
		return
	}
	for _, i := range keys {
		if i >= len(words) || !a.isKey(args[i]) {
			a.ok = false
		}
	}
}

// isKey reports whether e is one of KEYS.
func (a *analysis) isKey(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return isIdent(e.Object, a.keys)
	case *ast.IdentExpr:
		if a.bound[e.Value] != 1 {
			return false
		}
		if a.each[e.Value] {
			return true
		}
		get, ok := a.from[e.Value].(*ast.AttrGetExpr)
		return ok && isIdent(get.Object, a.keys)
	}
	return false
}

// check finds uses of redis and KEYS, or of a name for redis.call, that were not
// understood.
func (a *analysis) check(e ast.Expr) ast.Expr {
	id, ok := e.(*ast.IdentExpr)
	if !ok || a.fine[e] {
		return e
	}
	stands := a.bound[id.Value] == 1 && a.from[id.Value] != nil && a.isCommand(a.from[id.Value])
	if escapes[id.Value] || id.Value == "redis" || id.Value == a.keys || stands {
		a.ok = false
	}
	return e
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.IdentExpr)
	return ok && id.Value == name
}

// isCallOf reports whether e is name(arg), or name(arg, more).
func isCallOf(e ast.Expr, name, arg string) bool {
	c, ok := e.(*ast.FuncCallExpr)
	return ok && c.Receiver == nil && isIdent(c.Func, name) && len(c.Args) > 0 && isIdent(c.Args[0], arg)
}
