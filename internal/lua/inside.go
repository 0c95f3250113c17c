package lua

import (
	"reflect"
	"unsafe"

	glua "github.com/yuin/gopher-lua"
)

// The interpreter lacks one behaviour of C's Lua: when an error leaves a function within pcall, its closures keep
// the variables they share with it. The interpreter does that for all running functions or for none. The fields
// that this needs are not exported. They are reached by their offsets, which are looked up once; with a version of
// the interpreter without them, the process does not start.
var (
	stateFrame     = offsetOf(reflect.TypeFor[glua.LState](), "currentFrame", reflect.Pointer)
	stateUpvalues  = offsetOf(reflect.TypeFor[glua.LState](), "uvcache", reflect.Pointer)
	stateHandled   = offsetOf(reflect.TypeFor[glua.LState](), "hasErrorFunc", reflect.Bool)
	frameIndex     = offsetOf(frameType(), "Idx", reflect.Int)
	frameLocalBase = offsetOf(frameType(), "LocalBase", reflect.Int)
	upvalueNext    = offsetOf(reflect.TypeFor[glua.Upvalue](), "next", reflect.Pointer)
	upvalueIndex   = offsetOf(reflect.TypeFor[glua.Upvalue](), "index", reflect.Int)
)

func frameType() reflect.Type {
	f, _ := reflect.TypeFor[glua.LState]().FieldByName("currentFrame")
	return f.Type.Elem()
}

func offsetOf(t reflect.Type, field string, kind reflect.Kind) uintptr {
	f, ok := t.FieldByName(field)
	if !ok || f.Type.Kind() != kind {
		panic("lua: the interpreter's " + t.Name() + " has no field " + field + " of the kind that is needed")
	}
	return f.Offset
}

func fieldOf[T, S any](of *S, offset uintptr) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(of), offset))
}

// depthOf is how many functions run.
func depthOf(l *glua.LState) int {
	frame := *fieldOf[unsafe.Pointer](l, stateFrame)
	if frame == nil {
		return 0
	}
	return *(*int)(unsafe.Add(frame, frameIndex))
}

// frameBase is the first register of the function that runs.
func frameBase(l *glua.LState) int {
	frame := *fieldOf[unsafe.Pointer](l, stateFrame)
	return *(*int)(unsafe.Add(frame, frameLocalBase))
}

// closeUpvalues gives closures the variables for their own that are in registers from
// base on.
func closeUpvalues(l *glua.LState, base int) {
	link := fieldOf[*glua.Upvalue](l, stateUpvalues)
	for *link != nil && *fieldOf[int](*link, upvalueIndex) < base {
		link = fieldOf[*glua.Upvalue](*link, upvalueNext)
	}
	for u := *link; u != nil; u = *fieldOf[*glua.Upvalue](u, upvalueNext) {
		u.Close()
	}
	*link = nil
}

// handled sets whether errors of l are caught by a handler, which closes variables, and returns the old value.
func handled(l *glua.LState, now bool) (before bool) {
	p := fieldOf[bool](l, stateHandled)
	before, *p = *p, now
	return before
}
