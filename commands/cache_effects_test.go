package commands_test

import (
	"bytes"
	"fmt"
	"strconv"

	"cached/commands"
	"cached/engine"
	"cached/internal/resp"
)

// parseRESP reads one reply of RESP2.
func parseRESP(b []byte) (v any, rest []byte) {
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	switch line[0] {
	case '+', '-':
		return string(line), rest
	case ':':
		n, _ := strconv.ParseInt(string(line[1:]), 10, 64)
		return n, rest
	}
	n, _ := strconv.Atoi(string(line[1:]))
	if n < 0 {
		return nil, rest
	}
	if line[0] == '$' {
		return string(rest[:n]), rest[n+2:]
	}
	all := []any{}
	for range n {
		v, rest = parseRESP(rest)
		all = append(all, v)
	}
	return all, rest
}

// An effectLog applies the effects of one keyspace to another.
type effectLog struct {
	bytes []byte
	to    *stage
	tx    engine.Tx
	db    int
}

func (l *effectLog) Append(_ int64, b []byte) { l.bytes = append(l.bytes, b...) }

func (l *effectLog) apply(now int64) *stage {
	l.tx.Begin(l.to.keys, l.db, now)
	l.tx.LockAll()
	for len(l.bytes) > 0 {
		v, rest := parseRESP(l.bytes)
		l.bytes = rest
		argv := [][]byte{}
		for _, w := range v.([]any) {
			argv = append(argv, []byte(w.(string)))
		}
		switch name := string(argv[0]); name {
		case "SELECT":
			l.db, _ = strconv.Atoi(string(argv[1]))
			continue
		case "MULTI", "EXEC":
			continue
		}
		spec, _ := l.to.table.Find(argv)
		l.tx.DB, l.tx.Applying = l.db, true
		l.tx.ReadOnly, l.tx.Counting = spec.Reads()
		c := commands.Ctx{Argv: argv, Reply: &resp.Writer{Proto: 2}, Tx: &l.tx, NowMS: now}
		c.Spec, c.Table, c.Env = spec, l.to.table, &actor{}
		if err := spec.Run(&c); err != nil {
			panic(fmt.Sprintf("%s: %v", bytes.Join(argv, []byte(" ")), err))
		}
		l.tx.Commit(argv)
	}
	l.tx.Unlock()
	return l.to
}
