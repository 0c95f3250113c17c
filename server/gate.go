package server

import (
	"errors"
	"fmt"
	"slices"

	"cached/commands"
)

// A Gate has a say on a command before it runs. Gates are asked in the order in which
// Redis's clients see their errors, which is part of the protocol; the first that does not
// let the command go on has the last word. What a gate says is data: the road acts on it.
type Gate struct {
	// Name is what tests and logs call the gate.
	Name string
	// Origins are those whose commands the gate concerns.
	Origins Origins
	// Speaks reports whether the gate may have something to say about any command at
	// present. It is asked when Server.setGated is called, not for each command: the
	// owner of the gate has that done when the answer changes. nil is always.
	Speaks func() bool
	// Ask says what becomes of a command. It is called by the client's owner. For commands
	// of scripts, of EXEC and of waiters the locks of their keys are held, and it must not
	// take others.
	Ask func(*Request) Verdict
}

// A Request is a command that a gate is asked about.
type Request struct {
	Origin Origin
	Spec   *commands.Spec
	Argv   [][]byte
	// Flags are those of the command, or of the script that it runs. EXEC has also those
	// that any of its commands has.
	Flags commands.Flag
	// Lacks are the flags that the command, or any that EXEC runs, does not have.
	Lacks commands.Flag

	w *worker
	c *client
}

// DB is the number of the client's database.
func (r *Request) DB() int { return r.c.db() }

// ClientID is the ID of the client that the command is for, as of CLIENT ID.
func (r *Request) ClientID() int64 { return r.c.id }

// A Verdict is what a gate says. The zero Verdict lets the command go on.
type Verdict struct {
	// Refusal, if not nil, is what the client is answered.
	Refusal error
	// Wait has the command wait, and the commands of its client behind it. The gates are
	// asked again some ten milliseconds later.
	Wait bool
	// Send, if not nil, has the command answered elsewhere. The place of its reply is kept: the
	// client's further commands go on, and their replies follow when reply was called, once, with
	// a whole reply in its protocol, which it takes over. Send is given a copy of the words and
	// must not block; reply may be called by any goroutine.
	Send func(argv [][]byte, reply func([]byte))
}

// goOn reports whether the verdict lets the command go on.
func (v *Verdict) goOn() bool { return v.Refusal == nil && !v.Wait && v.Send == nil }

func refuse(err error) Verdict { return Verdict{Refusal: err} }

// setGates makes the list of gates: own, and those of other subsystems, each of which stands
// in front of the one that it names.
func (s *Road) setGates(own []Gate, others []PlacedGate) error {
	s.gates = own
	for _, o := range others {
		i := slices.IndexFunc(s.gates, func(g Gate) bool { return g.Name == o.Before })
		if i < 0 {
			return fmt.Errorf("gate %s: there is no gate %s for it to stand before", o.Gate.Name, o.Before)
		}
		s.gates = slices.Insert(s.gates, i, o.Gate)
		s.asksAll = s.asksAll || o.Gate.Speaks == nil
	}
	if len(s.gates) > 64 {
		return errors.New("more than 64 gates")
	}
	return nil
}

// A PlacedGate is a gate of another subsystem, and the name of the one that it stands before.
type PlacedGate struct {
	Gate   Gate
	Before string
}

// setGated notes which gates have something to say. The owner of a gate calls it when that
// changes; cron does for a pause that has ended.
func (s *Road) setGated() {
	s.gateMu.Lock()
	defer s.gateMu.Unlock()
	mask := uint64(0)
	for i := range s.gates {
		if g := &s.gates[i]; g.Speaks != nil && g.Speaks() {
			mask |= 1 << i
		}
	}
	s.gated.Store(mask)
}

// quiet reports whether no gate has anything to say about what a client asks for: the
// case of nearly every command. Those that always have a say look at little more than
// this themselves.
func (s *Road) quiet(c *client) bool {
	return s.gated.Load() == 0 && c.authed && c.account.Load().user.Load().Full() && (s.disk == nil || !s.disk.Refusing()) && !s.asksAll
}

// ask asks the gates about a command. flags are those of spec, or of the script that it runs.
func (s *Road) ask(w *worker, c *client, o Origin, spec *commands.Spec, argv [][]byte) Verdict {
	flags := s.flagsOf(spec, argv)
	r := &w.asked
	*r = Request{Origin: o, Spec: spec, Argv: argv, Flags: flags, Lacks: ^flags, w: w, c: c}
	if c.mode&inMulti != 0 && spec.Name == "exec" {
		r.Flags |= c.multi.flags
		r.Lacks |= c.multi.missing
	}
	speaking := s.gated.Load()
	for i := range s.gates {
		g := &s.gates[i]
		if g.Origins&o.set() == 0 || g.Speaks != nil && speaking>>i&1 == 0 {
			continue
		}
		if v := g.Ask(r); !v.goOn() {
			return v
		}
	}
	return Verdict{}
}

const errNoAuth = commands.Error("NOAUTH Authentication required.")

func authGate(r *Request) Verdict {
	if !r.c.authed && r.Spec.Flags&commands.NoAuth == 0 {
		return refuse(errNoAuth)
	}
	return Verdict{}
}

// diskGate refuses what Persistence does.
func diskGate(r *Request) Verdict {
	disk := r.w.srv.disk
	if disk == nil || !disk.Refusing() {
		return Verdict{}
	}
	if r.Origin == FromScript && r.Flags&commands.Write == 0 {
		return Verdict{} // whether the script may run at all was asked before
	}
	return refuse(disk.Refuse(r.Spec, r.Flags, r.Lacks))
}

// pauseGate holds back commands while CLIENT PAUSE lasts.
func pauseGate(r *Request) Verdict {
	return Verdict{Wait: r.w.srv.pause.holds(r.w.nowMS(), r.Flags)}
}

// flagsOf are the flags of a command as the gates should see them: those of a script that it
// runs.
func (s *Road) flagsOf(spec *commands.Spec, argv [][]byte) commands.Flag {
	if spec.Flags&commands.NoMandatoryKeys == 0 {
		if inner, _ := spec.InnerOf(argv); inner != nil {
			return inner.Flags | commands.Write
		}
		return spec.Flags
	}
	return s.on.Flags(spec, argv)
}

const errOOM = commands.Error("OOM command not allowed when used memory > 'maxmemory'.")
