package server

import (
	"cached/commands"
	"cached/engine"
)

// One function runs every command: worker.run. Its callers differ in the
// origin that they name, and keep only what is theirs: a client's pipeline, EXEC's array, a
// script's values, the queue of those that wait, the order of a log.

// An Origin is what asks for a command.
type Origin uint8

// The origins.
const (
	FromClient Origin = iota // a request of a client
	FromExec                 // EXEC runs what MULTI has queued
	FromScript               // a script or a function calls it
	FromWaiter               // a command that waited for keys, or for work in the background, runs again
	FromStream               // effects that have happened: a log that is loaded, or a primary
	numOrigins
)

// Origins are a set of them.
type Origins uint8

// The members, for Gate.Origins.
const (
	Client = Origins(1) << FromClient
	Exec   = Origins(1) << FromExec
	Script = Origins(1) << FromScript
	Waiter = Origins(1) << FromWaiter
)

func (o Origin) set() Origins { return 1 << o }

// A step is a part of the road that not every origin goes.
type step uint16

const (
	takesLocks  step = 1 << iota // of its keys, and gives them back; else they are held
	keepsLock                    // may leave its lock to the next command of the pipeline
	yields                       // comes back later if a snapshot would have to save a huge value at once
	asksGates                    // here, with the locks held; a client's are asked in dispatch
	tracksReads                  // for client-side caching
	awaitsLog                    // its client is answered when the log has come as far
	applies                      // it has happened already: nothing ends by itself, nothing is logged
	counted                      // in INFO commandstats, SLOWLOG and LATENCY, as its client's
	monitored                    // MONITOR shows it
	lendsLoop                    // to other clients of its loop, when it takes long
)

// roads says which steps an origin goes. What it skips, it skips for a reason:
//
//	        locks  keeps  yields  gates   tracks  log  applies  counted  monitored  lends
//	client    x      x      x    before     x      x      -        x         x        x
//	exec      -      -      -      x        x      -      -        x         x     as EXEC
//	script    -      -      -      x        x      -      -      as Lua    as Lua  as EVAL
//	waiter    x      -      -      x        x      -      -        -         -        -
//	stream   (x)     -      -      -        -      -      x        -         -        -
//
// EXEC and a script hold the locks of all their commands, so that these take none and
// cannot come back later, and wait for the log as a whole. A script's commands are counted
// without a client (script_run.go). A waiter is counted when its client is answered, with
// all the time that it took, and its reply waits for the log on the client's loop (block.go).
// A log is replayed with locks of its own, or with the whole keyspace held by DEBUG LOADAOF.
var roads = [numOrigins]step{
	FromClient: takesLocks | keepsLock | yields | tracksReads | awaitsLog | counted | monitored | lendsLoop,
	FromExec:   asksGates | tracksReads | counted | monitored,
	FromScript: asksGates | tracksReads,
	FromWaiter: takesLocks | asksGates | tracksReads,
	FromStream: applies,
}

// A caller is what asks for the commands of FromScript.
type caller interface {
	// admit refuses a command with its error. It is asked behind the gates.
	admit(spec *commands.Spec, argv [][]byte) error
}

// A job is a command on the road.
type job struct {
	origin Origin
	c      *client
	spec   *commands.Spec
	argv   [][]byte
	db     int
	tx     *engine.Tx
	key    []byte // the one key that it is about, if that is known, else nil
	hash   uint64 // of key
	size   int    // bytes of the request, or 0

	lock    bool         // it takes locks though its origin may find them held
	caller  caller       // FromScript
	waiter  *waiter      // FromWaiter
	changed []byte       // FromWaiter: the key whose change is the reason, or nil
	denied  bool         // a gate has refused it
	again   bool         // FromWaiter: it goes on waiting
	applied func(db int) // FromStream: called when it has run, with its locks held; or nil
	ended   func() bool  // FromStream: asked with its locks held whether it shall not run; or nil
}

// An outcome is what has become of a job.
type outcome uint8

const (
	hasRun    outcome = iota // with an error to be replied, or a reply
	notLocked                // others hold its locks
	comesBack                // when a snapshot has saved what it would change
	notReady                 // a waiter that goes on waiting
)

// run runs a command: it locks, asks the gates that have not been asked, calls the
// handler, commits what that did to the stream of effects, unlocks and counts. What is
// replied is in w.reply, or is the error. Nothing of the command has happened if it is not
// hasRun, and no lock is held then.
func (w *worker) run(j *job) (outcome, error) {
	steps, spec, argv, tx := roads[j.origin], j.spec, j.argv, j.tx
	if j.lock {
		steps |= takesLocks
	}
	start, replied := w.nowNS, len(w.reply.B)
	if steps&takesLocks != 0 {
		if j.key != nil {
			tx.BeginKey(w.srv.keys, j.db, w.srv.unixMS(start), j.key, j.hash)
		} else {
			tx.Begin(w.srv.keys, j.db, w.srv.unixMS(start))
		}
	}
	tx.DB = j.db
	if steps&applies == 0 {
		tx.NoTouch = j.c.noTouch && !spec.Touches()
		tx.ReadOnly, tx.Counting = spec.Reads()
	}
	if steps&takesLocks != 0 && !spec.Lock(tx, argv) {
		tx.Unlock()
		return notLocked, nil
	}
	if steps&yields != 0 && spec.Flags&commands.Write != 0 && w.srv.keys.Snapshotting() && mustWait(tx, spec, argv) {
		tx.Unlock()
		return comesBack, nil
	}
	if j.changed != nil && !takesFrom(spec, tx, j.changed) {
		tx.Unlock()
		return notReady, nil
	}

	ctx := &w.ctx
	ctx.Argv, ctx.Spec, ctx.NowMS, ctx.Env = argv, spec, tx.NowMS, j.c
	if ctx.Tx != tx {
		ctx.Tx = tx
	}
	applying := tx.Applying
	var err error
	if steps&applies == 0 {
		err = w.askLate(j, steps)
	} else if tx.Applying = true; j.ended != nil && j.ended() {
		err = errEnded
	}
	slow := steps&lendsLoop != 0 && spec.MayTakeLong() && w.lends != nil
	switch {
	case err != nil:
	case slow:
		err = w.runSlowly(j)
	default:
		err = spec.Run(ctx)
	}
	if err == engine.ErrBusy && steps&takesLocks != 0 {
		tx.Unlock() // it has not done anything yet
		if slow {
			w.lends.end()
		}
		return notLocked, nil
	}
	if steps&tracksReads != 0 && j.c.mode&tracks != 0 && !j.denied {
		w.srv.on.Read(w, j.c, spec, argv)
	}
	tx.Commit(argv)
	if steps&applies != 0 {
		tx.Applying = applying
		if j.applied != nil && err != errEnded {
			j.applied(j.db)
		}
	}
	var logged int64
	if steps&awaitsLog != 0 && tx.Told() && spec.Flags&commands.ReadOnly == 0 {
		logged = w.srv.logged()
	}
	if j.waiter != nil {
		w.endWait(j)
	}
	if slow {
		// Without locks: whoever has the loop meanwhile may wait for them.
		tx.Unlock()
		w.lends.end()
	} else if steps&takesLocks != 0 && (steps&keepsLock == 0 || !w.keep(j.c)) {
		tx.Unlock()
	}
	if logged != 0 {
		j.c.logged, j.c.changed = logged, logged
	}
	if steps&applies == 0 {
		w.tick()
	}
	if steps&monitored != 0 && w.srv.monitors.Load() > 0 {
		w.srv.on.Ran(w, j.c, spec, argv)
	}
	if steps&counted != 0 && j.c.waiting == nil {
		if st := w.account(j.c, spec, argv, w.nowNS-start, start, j.size, len(w.reply.B)-replied); err != nil {
			st.failed++
		}
	}
	return hasRun, err
}

// runSlowly runs a command that may take long, and lets others in until w.lends.end.
func (w *worker) runSlowly(j *job) error {
	var d *engine.Division
	if j.spec.Divides() {
		d = j.spec.Divide(j.tx, j.argv)
	}
	w.lends.begin(j.c, d)
	err := j.spec.Run(&w.ctx)
	if d != nil {
		j.tx.Join()
	}
	return err
}

// askLate asks the gates about a command whose locks are held, and the script that calls it.
func (w *worker) askLate(j *job, steps step) error {
	if steps&asksGates == 0 {
		return nil
	}
	if j.waiter != nil && j.waiter.resumed != nil {
		return nil // its work is done
	}
	var err error
	if !w.srv.quiet(j.c) {
		err = w.srv.ask(w, j.c, j.origin, j.spec, j.argv).Refusal
	}
	if err == nil && j.caller != nil {
		err = j.caller.admit(j.spec, j.argv)
	}
	j.denied = err != nil
	return err
}
