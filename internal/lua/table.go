package lua

import glua "github.com/yuin/gopher-lua"

func (s *State) overrideTable(t *glua.LTable) {
	s.set(t, "insert", s.insert)
	s.set(t, "remove", s.remove)
	s.set(t, "concat", s.concat)
	s.set(t, "sort", s.sort)
	s.set(t, "maxn", func(l *glua.LState) int {
		most := glua.LNumber(0)
		t := s.behind(l.CheckTable(1))
		for k, _ := t.Next(glua.LNil); k != glua.LNil; k, _ = t.Next(k) {
			s.spend(l, 1)
			if n, ok := k.(glua.LNumber); ok {
				most = max(most, n)
			}
		}
		l.Push(most)
		return 1
	})
	s.set(t, "setn", func(l *glua.LState) int {
		l.RaiseError("'setn' is obsolete")
		return 0
	})
	s.set(t, "foreach", func(l *glua.LState) int { return s.foreach(l, false) })
	s.set(t, "foreachi", func(l *glua.LState) int { return s.foreach(l, true) })
	for _, name := range []string{"insert", "remove", "sort"} {
		s.guard(t, name)
	}
}

// insert is table.insert. A position behind the end makes the table longer.
func (s *State) insert(l *glua.LState) int {
	t := l.CheckTable(1)
	size := t.Len()
	switch l.GetTop() {
	case 2:
		t.RawSetInt(size+1, l.Get(2))
	case 3:
		pos := int(truncate(argNumber(l, 2)))
		if pos >= 1 && pos <= size {
			s.spend(l, (size-pos)/16)
			t.Insert(pos, l.Get(3))
			return 0
		}
		for i := size + 1; i > pos; i-- {
			s.spend(l, 1)
			t.RawSetInt(i, t.RawGetInt(i-1))
		}
		t.RawSetInt(pos, l.Get(3))
	default:
		l.RaiseError("wrong number of arguments to 'insert'")
	}
	return 0
}

// remove is table.remove.
func (s *State) remove(l *glua.LState) int {
	t := l.CheckTable(1)
	size := t.Len()
	pos := size
	if l.Get(2) != glua.LNil {
		pos = int(truncate(argNumber(l, 2)))
	}
	if pos < 1 || pos > size {
		return 0
	}
	s.spend(l, (size-pos)/16)
	l.Push(t.Remove(pos))
	return 1
}

// concat is table.concat.
func (s *State) concat(l *glua.LState) int {
	sep := ""
	if l.Get(2) != glua.LNil {
		sep = s.argText(l, 2)
	}
	t := s.behind(l.CheckTable(1))
	from, to := 1, 0
	if l.Get(3) != glua.LNil {
		from = int(truncate(argNumber(l, 3)))
	}
	if l.Get(4) == glua.LNil {
		to = t.Len()
	} else {
		to = int(truncate(argNumber(l, 4)))
	}
	var b []byte
	for i := from; i <= to; i++ {
		mark := len(b)
		switch v := t.RawGetInt(i).(type) {
		case glua.LString:
			b = append(b, v...)
		case glua.LNumber:
			b = appendNumber(b, float64(v))
		default:
			l.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if i < to {
			b = append(b, sep...)
		}
		s.spend(l, 1+(len(b)-mark)/32)
		if len(b) > maxString {
			l.RaiseError("not enough memory")
		}
	}
	l.Push(glua.LString(b))
	return 1
}

// foreach is table.foreach and, over the array part, table.foreachi.
func (s *State) foreach(l *glua.LState, array bool) int {
	t, f := s.behind(l.CheckTable(1)), l.CheckFunction(2)
	call := func(k, v glua.LValue) bool {
		s.spend(l, 1)
		l.Push(f)
		l.Push(k)
		l.Push(v)
		l.Call(2, 1)
		if l.Get(-1) != glua.LNil {
			return true
		}
		l.Pop(1)
		return false
	}
	if array {
		for i := 1; i <= t.Len(); i++ {
			if call(glua.LNumber(i), t.RawGetInt(i)) {
				return 1
			}
		}
		return 0
	}
	for k, v := t.Next(glua.LNil); k != glua.LNil; k, v = t.Next(k) {
		if call(k, v) {
			return 1
		}
	}
	return 0
}

// A sorter sorts a table as Lua 5.1 does: equal elements get the same order, and an inconsistent comparison is
// detected at the same place.
type sorter struct {
	s    *State
	l    *glua.LState
	t    *glua.LTable
	less *glua.LFunction // or nil
}

func (s *State) sort(l *glua.LState) int {
	o := &sorter{s: s, l: l, t: l.CheckTable(1)}
	if l.Get(2) != glua.LNil {
		o.less = l.CheckFunction(2)
	}
	o.sort(1, o.t.Len())
	return 0
}

func (o *sorter) before(a, b glua.LValue) bool {
	o.s.spend(o.l, 2)
	if o.less == nil {
		if x, ok := a.(glua.LNumber); ok {
			if y, ok := b.(glua.LNumber); ok {
				return x < y
			}
		}
		return o.l.LessThan(a, b)
	}
	o.l.Push(o.less)
	o.l.Push(a)
	o.l.Push(b)
	o.l.Call(2, 1)
	is := o.l.ToBool(-1)
	o.l.Pop(1)
	return is
}

func (o *sorter) swap(i, j int) {
	a, b := o.t.RawGetInt(i), o.t.RawGetInt(j)
	o.t.RawSetInt(i, b)
	o.t.RawSetInt(j, a)
}

// swapIf brings two elements into their order.
func (o *sorter) swapIf(i, j int) bool {
	if o.before(o.t.RawGetInt(j), o.t.RawGetInt(i)) {
		o.swap(i, j)
		return true
	}
	return false
}

func (o *sorter) sort(lo, hi int) {
	for lo < hi {
		o.swapIf(lo, hi)
		if hi-lo == 1 {
			return
		}
		mid := (lo + hi) / 2
		if !o.swapIf(lo, mid) {
			o.swapIf(mid, hi)
		}
		if hi-lo == 2 {
			return
		}
		pivot := o.t.RawGetInt(mid)
		o.swap(mid, hi-1)
		i, j := lo, hi-1
		for {
			for i++; o.before(o.t.RawGetInt(i), pivot); i++ {
				if i > hi {
					o.l.RaiseError("invalid order function for sorting")
				}
			}
			for j--; o.before(pivot, o.t.RawGetInt(j)); j-- {
				if j < lo {
					o.l.RaiseError("invalid order function for sorting")
				}
			}
			if j < i {
				break
			}
			o.swap(i, j)
		}
		o.swap(hi-1, i)
		if i-lo < hi-i { // the smaller half by recursion
			o.sort(lo, i-1)
			lo = i + 1
		} else {
			o.sort(i+1, hi)
			hi = i - 1
		}
	}
}
