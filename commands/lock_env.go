package commands

import (
	"bytes"
	"strconv"

	"cached/engine"
	"cached/internal/lock"
)

// Locks are what the commands of locks and semaphores ask of the server: tokens, a place
// among those who wait, and the client's connection.
type Locks interface {
	// Token returns a fencing token above all before it and above the given one, or 0
	// if there are no more.
	Token(above int64) int64
	// Born is a number that the tokens of this life of the server are above. Those of
	// earlier lives are not.
	Born() int64
	// Client is the client's ID.
	Client() int64

	// Ahead is how many clients that came before the command's wait for key.
	Ahead(c *Ctx, key []byte) int
	// Waiting is how many clients wait for key in all.
	Waiting(c *Ctx, key []byte) int
	// Waits tells of a command that runs again after Wait. over says that it has waited
	// for as long as it may.
	Waits() (again, over bool)
	// Wait parks the client, behind all who wait for any of keys, until its turn has come
	// and one of them changes, or the deadline passes, or lookMS does if that is not 0; then
	// the command runs again. Of those who wait for a key only the first is looked at. It
	// reports false if the client may not wait, and an error if too many do.
	Wait(c *Ctx, keys [][]byte, deadlineMS, lookMS int64) (bool, error)

	// Bindable returns an error if no n holds more can end with the client's connection.
	Bindable(n int) error
	// Bind has a hold end with the client's connection: see EndConnected. Unbind takes it
	// back.
	Bind(c *Ctx, key []byte, token int64)
	Unbind(c *Ctx, key []byte)
	// Lost tells the client that took a hold that it has lost it.
	Lost(c *Ctx, key []byte, h lock.Hold, reason string)
}

// maxMillis bounds what commands take for a time: a hundred years.
const maxMillis = 100 * 365 * 24 * 3600 * 1000

// errNumber is the error of a number that is none, or out of its range.
func errNumber(name, unit string, most int64) error {
	return Error("ERR " + name + " must be a whole number" + unit + " from 1 to " + strconv.FormatInt(most, 10))
}

// number takes the number behind an option.
func (a *Args) number(name, unit string, most int64) int64 {
	if a.err != nil {
		return 0
	}
	if a.i >= len(a.argv) {
		a.Fail(Error("ERR " + name + " needs a value"))
		return 0
	}
	n := a.Int()
	if a.err != nil || n < 1 || n > most {
		a.err = errNumber(name, unit, most)
		return 0
	}
	return n
}

func (a *Args) millis(name string) int64 { return a.number(name, " of milliseconds", maxMillis) }

// name takes the name of an owner or a permit.
func (a *Args) name(what string) []byte {
	b := a.Next()
	if a.err == nil && (len(b) == 0 || len(b) > lock.MaxName) {
		a.Fail(Error("ERR " + what + " must have 1 to " + strconv.Itoa(lock.MaxName) + " bytes"))
	}
	return b
}

// unknownOption fails with the word that is next.
func (a *Args) unknownOption() {
	b := a.Peek()
	if len(b) > 64 {
		b = b[:64]
	}
	a.Fail(Error("ERR unknown option '" + cString(bytes.ToValidUTF8(b, []byte("?"))) + "'"))
}

// seen notes an option, and fails if it was there before.
func (a *Args) seen(name string, set *uint32, bit uint32) {
	if *set&bit != 0 {
		a.Fail(Error("ERR " + name + " is given twice"))
	}
	*set |= bit
}

// refusal is the error of a request that was refused for good.
func refusal(err error) error {
	switch err {
	case lock.ErrState:
		return Error("ERR the state of the key is malformed")
	case lock.ErrShared:
		return Error("ERR the owner holds the lock SHARED and must release it first")
	case lock.ErrMany:
		return Error("ERR the lock has as many holds as it can have")
	case lock.ErrNested:
		return Error("ERR HOLDS is more than one above the holds of the owner")
	case lock.ErrNoTokens:
		return Error("ERR there are no tokens left")
	case lock.ErrCost:
		return Error("ERR COST is above the limit")
	case lock.ErrOther:
		return Error("ERR COST is not that of the permit with this ID")
	case lock.ErrPermits:
		return Error("ERR the semaphore has as many permits as it can have, " + strconv.Itoa(lock.MaxPermits))
	}
	return clientError(err)
}

// remainingMS is how long it is until a time.
func (c *Ctx) remainingMS(at int64) int64 { return max(at-c.NowMS, 0) }

// dropNative removes the key of s, whose state is over, with an event in front of that of
// the key.
func (c *Ctx) dropNative(key []byte, ev engine.Event) {
	c.Tx.Delete(key)
	c.Tx.Modified(key, ev)
	c.Tx.Modified(key, engine.EventDel)
	c.Propagate("DEL", key)
}
