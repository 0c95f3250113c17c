package persistence

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"time"

	"cached/commands"
	"cached/engine"
)

// MIGRATE copies keys to another server and then deletes them here. The network
// is waited for on a goroutine that holds no lock, so keys may change meanwhile:
// when the others have them all, those that are still as they were sent are
// deleted, and the others sent again. After some rounds the last is made with the
// locks held.
const maxRounds = 4

const (
	errMigrateKeys = commands.Error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
	errConnecting  = commands.Error("IOERR error or timeout connecting to the client")
	errWriting     = commands.Error("IOERR error or timeout writing to target instance")
	errReading     = commands.Error("IOERR error or timeout reading to target instance")
)

// errTarget is an error that the other server replied with.
func errTarget(text []byte) error {
	return commands.Error("ERR Target instance replied with error: " + string(text))
}

// A migration is a MIGRATE on its way.
type migration struct {
	addr    string
	db      int
	timeout time.Duration
	copies  bool
	replace bool
	auth    [][]byte // the words of AUTH, or none
	keys    [][]byte
	rounds  int
	moving  []movedKey // sent in this round
	err     error      // the first of any round
}

// A movedKey is a key as it was sent.
type movedKey struct {
	key, payload []byte
	deadlineMS   int64
	ok           bool // the other server has it
}

// migrate runs once to send the keys, and again, as often as Background lets it,
// to delete them.
func (d *Disk) migrate(c *commands.Ctx) error {
	m, resumed := c.Resumed.(*migration)
	if !resumed {
		var err error
		if m, err = parseMigrate(c); err != nil {
			return err
		}
		m.collect(d, c.Tx, m.keys)
		if len(m.moving) == 0 {
			c.Reply.Status("NOKEY")
			return nil
		}
	} else {
		changed := m.remove(d, c.Tx)
		if len(changed) > 0 && m.err == nil {
			m.replace = true // it is our own copy
			m.collect(d, c.Tx, changed)
		}
	}
	for len(m.moving) > 0 {
		m.rounds++
		if m.rounds < maxRounds && c.Env.Background(c, m, func() { d.send(m) }) {
			return nil
		}
		d.send(m)
		m.remove(d, c.Tx)
	}
	if m.err != nil {
		return m.err
	}
	c.Reply.OK()
	return nil
}

func parseMigrate(c *commands.Ctx) (*migration, error) {
	m := &migration{keys: c.Argv[3:4]}
	for a := c.Args(6); a.More(); {
		switch {
		case a.Is("COPY"):
			m.copies = true
		case a.Is("REPLACE"):
			m.replace = true
		case a.Is("AUTH"):
			m.auth = [][]byte{[]byte("AUTH"), bytes.Clone(a.Next())}
		case a.Is("AUTH2"):
			m.auth = [][]byte{[]byte("AUTH"), bytes.Clone(a.Next()), bytes.Clone(a.Next())}
		case a.Is("KEYS"):
			if len(c.Argv[3]) != 0 {
				return nil, errMigrateKeys
			}
			m.keys = nil
			for a.More() {
				m.keys = append(m.keys, bytes.Clone(a.Next()))
			}
		default:
			a.Fail(commands.ErrSyntax)
		}
		if a.Err() != nil {
			return nil, commands.ErrSyntax
		}
	}
	n := c.Args(4)
	db, ms := n.Int(), n.Int()
	if n.Err() != nil {
		return nil, n.Err()
	}
	if ms <= 0 {
		ms = 1000
	}
	m.db, m.timeout = int(db), time.Duration(min(ms, 1<<32))*time.Millisecond
	m.addr = net.JoinHostPort(string(c.Argv[1]), string(c.Argv[2]))
	if len(m.keys) == 1 {
		m.keys[0] = bytes.Clone(m.keys[0])
	}
	return m, nil
}

// collect takes keys as they are now.
func (m *migration) collect(d *Disk, tx *engine.Tx, keys [][]byte) {
	m.moving = m.moving[:0]
	for _, key := range keys {
		deadlineMS, _ := tx.Deadline(key)
		d.payload(tx, key, func(p []byte) {
			m.moving = append(m.moving, movedKey{key: key, payload: bytes.Clone(p), deadlineMS: deadlineMS})
		})
	}
}

// remove deletes the keys that were sent and are still the same, and returns
// those that are not.
func (m *migration) remove(d *Disk, tx *engine.Tx) (changed [][]byte) {
	var deleted [][]byte
	for i := range m.moving {
		k := &m.moving[i]
		if !k.ok || m.copies {
			continue
		}
		same := false
		deadlineMS, exists := tx.Deadline(k.key)
		if !exists {
			continue
		}
		d.payload(tx, k.key, func(p []byte) { same = deadlineMS == k.deadlineMS && bytes.Equal(p, k.payload) })
		if !same {
			changed = append(changed, k.key)
			continue
		}
		tx.Unlink(k.key)
		tx.Modified(k.key, engine.EventDel)
		deleted = append(deleted, k.key)
	}
	m.moving = m.moving[:0]
	if len(deleted) > 0 {
		tx.Propagate("DEL", deleted...)
	}
	return changed
}

// send restores the keys of a round on the other server.
func (d *Disk) send(m *migration) {
	for try := 0; ; try++ {
		conn, fresh, err := d.peers.take(m)
		if err == nil {
			err = conn.restore(m)
		}
		if conn != nil {
			d.peers.put(m.addr, conn, err)
		}
		var timeout net.Error
		if err != nil && !fresh && try == 0 && !m.anySent() && !(errors.As(err, &timeout) && timeout.Timeout()) && isIO(err) {
			continue // the kept connection was closed by the other side
		}
		if err != nil && m.err == nil {
			m.err = ioError(err)
		}
		return
	}
}

func (m *migration) anySent() bool {
	for i := range m.moving {
		if m.moving[i].ok {
			return true
		}
	}
	return false
}

// A stepError is a network error, with the error reply for it.
type stepError struct {
	shown commands.Error
	err   error
}

func (e *stepError) Error() string { return string(e.shown) }
func (e *stepError) Unwrap() error { return e.err }

func isIO(err error) bool {
	var step *stepError
	return errors.As(err, &step)
}

// ioError is the error reply for a network error.
func ioError(err error) error {
	var step *stepError
	if errors.As(err, &step) {
		return step.shown
	}
	return err
}

// restore sends the keys of m and notes which of them the other server took. The
// first error that it replied is returned.
func (p *peer) restore(m *migration) error {
	var out []byte
	replies := 0
	if m.auth != nil {
		out = appendCall(out, m.auth...)
		replies++
	}
	if p.db != m.db || m.auth != nil {
		out = appendCall(out, []byte("SELECT"), strconv.AppendInt(nil, int64(m.db), 10))
		replies++
	}
	nowMS := time.Now().UnixMilli()
	for i := range m.moving {
		k := &m.moving[i]
		ttl := int64(0)
		if k.deadlineMS != 0 {
			ttl = max(k.deadlineMS-nowMS, 1)
		}
		words := [][]byte{[]byte("RESTORE"), k.key, strconv.AppendInt(nil, ttl, 10), k.payload}
		if m.replace {
			words = append(words, []byte("REPLACE"))
		}
		out = appendCall(out, words...)
		if len(out) >= writeBytes || i == len(m.moving)-1 {
			if err := p.write(out, m.timeout); err != nil {
				return &stepError{errWriting, err}
			}
			out = out[:0]
		}
	}
	for range replies {
		line, err := p.reply(m.timeout)
		if err != nil {
			return &stepError{errReading, err}
		}
		if line[0] == '-' {
			p.broken = true // the connection is no longer in a known state
			return errTarget(line[1:])
		}
	}
	p.db = m.db
	var first error
	for i := range m.moving {
		line, err := p.reply(m.timeout)
		if err != nil {
			return &stepError{errReading, err}
		}
		if line[0] == '-' {
			if first == nil {
				first = errTarget(line[1:])
			}
			continue
		}
		m.moving[i].ok = true
	}
	return first
}

// appendCall appends a command as clients send it.
func appendCall(b []byte, words ...[]byte) []byte {
	b = strconv.AppendInt(append(b, '*'), int64(len(words)), 10)
	for _, w := range words {
		b = strconv.AppendInt(append(b, "\r\n$"...), int64(len(w)), 10)
		b = append(append(b, "\r\n"...), w...)
	}
	return append(b, "\r\n"...)
}
