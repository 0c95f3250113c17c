package server

import (
	"fmt"
	"slices"
	"strings"

	"cached/commands"
	"cached/internal/resp"
)

// A Protocol is what the clients of a listener speak, other than RESP. Its commands go the
// same road as those of RESP: gates, locks, effects and statistics are the same.
type Protocol struct {
	// Name is what INFO calls its listener, and what statistics and users' rules put in front of
	// the names of its commands, as in memcached.get.
	Name string
	// Port is the TCP port, on the addresses of bind, or 0. It is asked when the server starts,
	// and when a directive about listening changes.
	Port func() int
	// Rows are its commands. Their handlers write replies of the protocol to Ctx.Reply.B.
	Rows []commands.Spec
	// NewParser returns the parser of a new connection.
	NewParser func() RequestParser
	// Limits bound the next request of a client.
	Limits func() resp.Limits
	// Database is the database of its clients when they come.
	Database int
	// Silent, if not nil, reports whether the client wants no reply to a request: then it gets none for errors either.
	Silent func(argv [][]byte) bool
	// AppendError appends the reply for an error: of the parser, of a gate, or of a handler.
	// Errors begin with a word in capitals, as in RESP. It may append nothing.
	AppendError func(b []byte, text string) []byte
}

// A RequestParser takes requests from what has arrived. It belongs to one connection.
type RequestParser interface {
	// Next returns the words of the request at the front of data, of which the first names a
	// row, appended to argv if they fit there, and how many bytes it takes; 0 if it is not
	// complete. Words may alias data. Requests without words are skipped: what is answered
	// with an error, and does not end the connection, is the request of a row that replies
	// it. After an error the connection is closed.
	Next(data []byte, argv [][]byte, lim resp.Limits) ([][]byte, int, error)
	// Need is how many bytes must be in data for Next to return something else than before.
	Need(data []byte) int
	// Rewind says that the last n bytes that Next took were not run, and come again.
	Rewind(n int)
}

// A spoken is a Protocol with the table of its commands.
type spoken struct {
	Protocol
	table *commands.Table
}

// speak takes further protocols over. s.table is complete.
func (s *Road) speak(protocols []Protocol) error {
	for _, p := range protocols {
		if slices.ContainsFunc(s.spoken, func(x *spoken) bool { return x.Name == p.Name }) {
			return fmt.Errorf("two protocols are called %s", p.Name)
		}
		s.spoken = append(s.spoken, &spoken{p, s.table.Beside(p.Name, p.Rows)})
	}
	return nil
}

// tables are those of all protocols, RESP's first.
func (s *Road) tables() []*commands.Table {
	all := []*commands.Table{s.table}
	for _, p := range s.spoken {
		all = append(all, p.table)
	}
	return all
}

// talk makes the client one that speaks a protocol other than RESP.
func (c *client) talk(p *spoken) {
	if p != nil {
		c.speaks, c.other = p, p.NewParser()
		c.SelectDB(p.Database)
	}
}

// next is the parser's Next, and need its Need.
func (c *client) next(data []byte, argv [][]byte, lim resp.Limits) ([][]byte, int, error) {
	if c.speaks != nil {
		return c.other.Next(data, argv, lim)
	}
	return c.parser.Next(data, argv, lim)
}

func (c *client) need(data []byte) int {
	if c.speaks != nil {
		return c.other.Need(data)
	}
	return c.parser.Need(data)
}

// parseAnew has the parser forget what it knows of requests that are parsed again, which
// took n bytes.
func (c *client) parseAnew(n int) {
	if c.speaks != nil {
		c.other.Rewind(n)
		return
	}
	c.parser = resp.Parser{}
}

// replyError replies an error in the client's protocol.
func (w *worker) replyError(c *client, text string) {
	if c.speaks != nil {
		w.reply.B = c.speaks.AppendError(w.reply.B, text)
		return
	}
	w.reply.Error(text)
}

// refusal is an error of RESP, of one line, in the client's protocol.
func (c *client) refusal(line string) string {
	if c.speaks == nil {
		return line
	}
	return string(c.speaks.AppendError(nil, strings.TrimSpace(line[1:])))
}
