package commands

import (
	"cached/engine"
	"cached/engine/value"
)

// Values of native types (value.Type.Native) are blocks of bytes that their commands
// read with Tx.State and change with Ctx.setState. What goes to the log is always the
// whole state at absolute times, as CACHE.SETSTATE, never the command.

var eventSetState = engine.Event{Name: "setstate", Class: engine.ClassGeneric}

const errNativeType = Error("ERR type must be limiter, lock or semaphore")

var nativeCommands = []Spec{
	{
		Name: "cache.setstate", Group: Generic, Since: "7.4.0", Arity: -4, Complexity: "O(1)",
		Summary: "Sets a limiter, lock or semaphore to what the log keeps of it.",
		Flags:   Write | DenyOOM | Fast, ACL: CatKeyspace | CatDangerous,
		Keys: []KeySpec{KeyAt(1, OW|Update)},
		Args: []Arg{Key("key", 0), Str("type"), Str("state"), Opt(After("PXAT", Time("unix-time-milliseconds")))},
		Run:  cacheSetState,
	},
}

var (
	wordPXAT    = []byte("PXAT")
	nativeNames = map[value.Type][]byte{value.Limiter: []byte("limiter"), value.Lock: []byte("lock"), value.Semaphore: []byte("semaphore")}
)

// setState makes b the value at key, the key that s was asked of, and says so to the log
// and to watchers. deadlineMS is as for Tx.SetState. b must not alias the engine's memory.
func (c *Ctx) setState(s *engine.State, key, b []byte, deadlineMS int64, ev engine.Event) {
	c.Tx.SetState(s, key, b, deadlineMS)
	c.Tx.Modified(key, ev)
	c.propagateState(s, key)
}

// propagateState records the state at key as the effect of the command.
func (c *Ctx) propagateState(s *engine.State, key []byte) {
	if !c.Tx.Journaled() {
		c.Tx.PropagateNothing()
		return
	}
	name := nativeNames[s.Type()]
	if at := s.DeadlineMS(); at != 0 {
		var d decimal
		c.Propagate("CACHE.SETSTATE", key, name, s.Bytes(), wordPXAT, d.of(at))
		return
	}
	c.Propagate("CACHE.SETSTATE", key, name, s.Bytes())
}

// dropState removes the value at key, which is there, and says so.
func (c *Ctx) dropState(key []byte) {
	c.Tx.Delete(key)
	c.Tx.Modified(key, engine.EventDel)
	c.Propagate("DEL", key)
}

// cacheSetState is what the log says of a value of a native type.
func cacheSetState(c *Ctx) error {
	key := c.Argv[1]
	t, ok := value.TypeNamed(lowered(c.Argv[2]))
	if !ok || !t.Native() {
		return errNativeType
	}
	at := int64(0)
	a := c.Args(4)
	if a.Is("PXAT") {
		if at = a.Int(); a.Err() == nil && at <= 0 {
			return invalidExpire(c.Spec.Name)
		}
	}
	if err := a.End(); err != nil {
		return err
	}
	if at != 0 && c.passed(at) {
		if c.Tx.Delete(key) {
			c.Tx.Modified(key, engine.EventDel)
			c.Propagate("DEL", key)
		}
		c.Reply.OK()
		return nil
	}
	c.Tx.PutState(key, t, c.Argv[3], at)
	c.Tx.Modified(key, eventSetState)
	c.Reply.OK()
	return nil
}
