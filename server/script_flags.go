package server

import (
	"cached/commands"
	"cached/internal/lua"
)

// What a script or function says about itself decides what may be done with a
// command that runs it: one that says that it writes nothing is not held back by
// CLIENT PAUSE WRITE, one that does not say that it may do without memory is
// refused when there is none, and so on. A script that says nothing is taken as it
// always was: only what it does is looked at.

// flagsOfCall are the flags of a call of a script or function as the gates should see them.
func (x *Scripts) flagsOfCall(spec *commands.Spec, argv [][]byte) commands.Flag {
	said, ok := x.scriptFlags(spec, argv)
	if !ok || said&lua.Compat != 0 {
		return spec.Flags
	}
	flags := spec.Flags &^ (commands.Stale | commands.MayReplicate)
	if said&lua.AllowStale != 0 {
		flags |= commands.Stale
	}
	if said&lua.NoWrites == 0 {
		flags |= commands.Write
	}
	if said&(lua.NoWrites|lua.AllowOOM) == 0 {
		flags |= commands.DenyOOM
	}
	return flags
}

// scriptFlags is what the script or function of a call says about itself; ok is
// false if there is none.
func (x *Scripts) scriptFlags(spec *commands.Spec, argv [][]byte) (flags lua.Flags, ok bool) {
	switch spec.Name {
	case "eval", "eval_ro":
		return lua.FlagsOf(argv[1])
	case "evalsha", "evalsha_ro":
		name, ok := nameOf(argv[1])
		if !ok {
			return 0, false
		}
		p := x.cache.named(name)
		if p == nil {
			return 0, false
		}
		return p.Flags, true
	}
	fn, _ := x.functions.find(argv[1])
	if fn == nil {
		return 0, false
	}
	return fn.Flags, true
}
