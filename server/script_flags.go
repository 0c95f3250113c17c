package server

import (
	"cached/commands"
	"cached/internal/lua"
)

// The flags of a script or function are flags of the command that runs it: CLIENT PAUSE WRITE does not hold one
// that declares that it writes nothing, one that does not declare allow-oom is refused when memory is short, and
// so on. A script without declared flags is treated as in older versions: only its commands are checked.

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

// scriptFlags are the declared flags of the script or function of a call; ok is false if there is none.
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
