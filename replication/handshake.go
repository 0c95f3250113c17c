package replication

import (
	"fmt"
	"strconv"
	"strings"

	"cached/internal/effects"
)

// A handshake is what a replica says to a primary, and does with its answers, from the first
// PING to the answer of PSYNC. It does no I/O: it is given lines, and returns what to send.
type handshake struct {
	user, password string
	port           int    // that the replica listens at
	ip             string // where others reach it; empty: where it connects from
	id             string // of the history that it wants to resume; empty: none
	next           int64  // the first byte of it that it wants
	failover       bool   // the server is to be the primary from now on

	step  int
	asked string // the last that was asked, for errors
}

// A verdict is what has come of a handshake.
type verdict int

const (
	goesOn   verdict = iota // there is something to send, or to be waited for
	resumes                 // what follows is the stream
	snapshot                // what follows is a snapshot, and then the stream
)

// An agreement is the end of a handshake.
type agreement struct {
	id     string // of the history
	offset int64  // of the snapshot; -1 if the primary does not say
}

// errNotYet says that the primary cannot serve anybody now.
type errNotYet string

func (e errNotYet) Error() string { return string(e) }

func request(words ...string) []byte {
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	return effects.AppendCommand(nil, argv...)
}

// begin returns what to send first.
func (h *handshake) begin() []byte { return h.ask("PING") }

func (h *handshake) ask(words ...string) []byte {
	h.asked = words[0]
	if len(words) > 1 && words[0] == "REPLCONF" {
		h.asked += " " + words[1]
	}
	return request(words...)
}

// The steps, in their order.
const (
	stepPing = iota
	stepAuth
	stepPort
	stepIP
	stepCapa
	stepVersion
	stepOurs
	stepPsync
	stepSync
)

// answer takes a line of the primary, without its end, and returns what to send next.
func (h *handshake) answer(line string) (send []byte, v verdict, a agreement, err error) {
	if line == "" {
		return nil, goesOn, a, nil // it only says that it is there
	}
	refused := line[0] == '-'
	switch h.step {
	case stepPing:
		// What asks for a password, or has none for this user, answers all the same.
		if refused && !strings.HasPrefix(line, "-NOAUTH") && !strings.HasPrefix(line, "-NOPERM") && !strings.HasPrefix(line, "-ERR operation not permitted") {
			return nil, goesOn, a, fmt.Errorf("Error reply to PING from master: '%s'", line)
		}
	case stepAuth:
		if refused {
			return nil, goesOn, a, fmt.Errorf("Unable to AUTH to MASTER: %s", line)
		}
	case stepPsync:
		return h.psynced(line)
	case stepSync:
		if refused {
			return nil, goesOn, a, fmt.Errorf("the primary refuses SYNC: %s", line)
		}
	default: // what a primary does not know it can do without
	}
	return h.advance()
}

// advance returns the request of the next step that has one.
func (h *handshake) advance() (send []byte, v verdict, a agreement, err error) {
	for {
		switch h.step++; h.step {
		case stepAuth:
			switch {
			case h.user != "" && h.password != "":
				return h.ask("AUTH", h.user, h.password), goesOn, a, nil
			case h.password != "":
				return h.ask("AUTH", h.password), goesOn, a, nil
			}
		case stepPort:
			return h.ask("REPLCONF", "listening-port", strconv.Itoa(h.port)), goesOn, a, nil
		case stepIP:
			if h.ip != "" {
				return h.ask("REPLCONF", "ip-address", h.ip), goesOn, a, nil
			}
		case stepCapa:
			return h.ask("REPLCONF", "capa", "eof", "capa", "psync2"), goesOn, a, nil
		case stepVersion: // nobody needs it of us
		case stepOurs:
			return h.ask("REPLCONF", "cached", "1"), goesOn, a, nil
		case stepPsync:
			if h.id == "" {
				return h.ask("PSYNC", "?", "-1"), goesOn, a, nil
			}
			if h.failover {
				return h.ask("PSYNC", h.id, strconv.FormatInt(h.next, 10), "FAILOVER"), goesOn, a, nil
			}
			return h.ask("PSYNC", h.id, strconv.FormatInt(h.next, 10)), goesOn, a, nil
		}
	}
}

// psynced takes the answer of PSYNC.
func (h *handshake) psynced(line string) (send []byte, v verdict, a agreement, err error) {
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return nil, goesOn, a, fmt.Errorf("Unexpected reply to PSYNC from master: %q", line)
	case words[0] == "+FULLRESYNC":
		if len(words) < 3 || len(words[1]) != 40 {
			return nil, goesOn, a, fmt.Errorf("Master replied with wrong +FULLRESYNC syntax: %q", line)
		}
		if a.offset, err = strconv.ParseInt(words[2], 10, 64); err != nil || a.offset < 0 {
			return nil, goesOn, a, fmt.Errorf("Master replied with wrong +FULLRESYNC syntax: %q", line)
		}
		a.id = words[1]
		return nil, snapshot, a, nil
	case words[0] == "+CONTINUE":
		if h.id == "" {
			return nil, goesOn, a, fmt.Errorf("the primary resumes what was not asked for: %q", line)
		}
		a = agreement{h.id, h.next - 1}
		if len(words) > 1 {
			if len(words[1]) != 40 {
				return nil, goesOn, a, fmt.Errorf("the primary resumes a history of a wrong name: %q", line)
			}
			a.id = words[1]
		}
		return nil, resumes, a, nil
	case words[0] == "-NOMASTERLINK" || words[0] == "-LOADING" || words[0] == "-BUSY":
		return nil, goesOn, a, errNotYet("MASTER is currently unable to PSYNC but should be in the future: " + line)
	case words[0] == "-NOAUTH" || words[0] == "-NOPERM":
		return nil, goesOn, a, fmt.Errorf("the primary refuses PSYNC: %s", line)
	case line[0] == '-' && h.failover:
		return nil, goesOn, a, fmt.Errorf("the server does not take over: %s", line)
	case line[0] == '-': // it is too old to know it
		h.step = stepSync
		return h.ask("SYNC"), snapshot, agreement{newID(), -1}, nil
	}
	return nil, goesOn, a, fmt.Errorf("Unexpected reply to PSYNC from master: %q", line)
}
