package commands

import (
	"math/rand/v2"
	"strconv"

	"cached/engine"
	"cached/internal/resp"
)

// A Ctx is one call of a command: its words, the transaction it runs in and the writer of its reply. Handlers use
// it until they return and keep no part of it.
type Ctx struct {
	Argv  [][]byte     // the words; they alias the read buffer and are read only
	Reply *resp.Writer // the client's output
	Tx    *engine.Tx   // the locks and the time
	NowMS int64        // that time
	Spec  *Spec        // the row
	Table *Table

	Script bool // a script or function runs it
	// Running is that script or function, else nil.
	Running Running

	// Env is the server's side of the client, for handlers that need one.
	Env Env

	// Resumed is the state given to Env.Background, when the command runs again after it; otherwise nil.
	Resumed any

	// Room that is kept from command to command.
	scratch []byte
	limits  *limitRoom
	held    *held
	sem     *sem
}

// Running is a script or function that runs a command.
type Running interface {
	// Over reports whether the script was stopped, so that no client gets the reply. Others
	// may be served in between: the locks of the script stay, but what the handler
	// writes must stand as it is. A handler whose work is the client's choice asks
	// every now and then.
	Over() bool
}

// errOver is the reply of a command whose script was stopped. No client gets it.
const errOver = Error("ERR the script was ended")

// over reports whether the script that runs the command was ended. It looks once for so
// many units of work as overMask says, of which n are done or left.
func (c *Ctx) over(n int64) bool {
	return n&overMask == 0 && c.Running != nil && c.Running.Over()
}

// overMask has over ask every couple of hundred microseconds.
const overMask = 1<<10 - 1

// An Env is what a handler may use of the server it runs in.
type Env interface {
	// Block parks the client until one of keys is changed or the deadline (Unix
	// milliseconds, 0 for never) passes; then the command runs again, or the
	// client is answered by timeout. It reports false if the client may not
	// wait (inside MULTI or a script): then the command answers at once.
	Block(c *Ctx, keys [][]byte, deadlineMS int64, timeout func(*resp.Writer)) bool
	// Background parks the client and runs work on a goroutine of its own, without any lock. Then the command runs
	// again from the start, with state as its Ctx.Resumed, unless the client has disconnected. It reports false,
	// and does nothing, if the client may not wait.
	Background(c *Ctx, state any, work func()) bool
	// TooManyWait reports whether as many clients wait for a key as may.
	TooManyWait(db int, key []byte) bool
	// WakeAt has the first of the clients that wait for a key then look again at a time in
	// Unix milliseconds, or soon after.
	WakeAt(db int, key []byte, atMS int64)
	// SelectDB makes db the client's database.
	SelectDB(db int)
	// Locks are what commands of locks and semaphores ask for.
	Locks() Locks
	// MaxBulk is the longest string a client may make, in bytes.
	MaxBulk() int
}

// NullOr replies null, or returns err if there is one.
func (c *Ctx) NullOr(err error) error {
	if err != nil {
		return clientError(err)
	}
	c.Reply.Null()
	return nil
}

// Propagate records an effect to log instead of the command's own words.
func (c *Ctx) Propagate(name string, args ...[]byte) { c.Tx.Propagate(name, args...) }

// passed reports whether a deadline in Unix milliseconds has passed, so that the key or field is removed at once.
// While effects are applied none has: the effects that remove it follow.
func (c *Ctx) passed(at int64) bool { return at <= c.NowMS && !c.Tx.Applying }

// decimal is room for the text of an integer, so that an effect that is not logged allocates nothing.
type decimal [20]byte

func (d *decimal) of(n int64) []byte { return strconv.AppendInt(d[:0], n, 10) }

// Block parks the client, see Env.Block. A client that may not wait is answered
// by timeout at once.
func (c *Ctx) Block(keys [][]byte, deadlineMS int64, timeout func(*resp.Writer)) error {
	if !c.Env.Block(c, keys, deadlineMS, timeout) {
		timeout(c.Reply)
	}
	return nil
}

// Random returns 64 random bits, not for secrets.
func (c *Ctx) Random() uint64 { return rand.Uint64() }
