package memcached

import (
	"strings"

	"cached/commands"
)

// reply replies a line.
func reply(c *commands.Ctx, line string) {
	if c.Reply.Fits(int64(len(line)) + 2) {
		c.Reply.B = append(append(c.Reply.B, line...), '\r', '\n')
	}
}

// replyUnless replies a line, unless the client wants none.
func replyUnless(quiet []byte, c *commands.Ctx, line string) {
	if len(quiet) == 0 {
		reply(c, line)
	}
}

// AppendError appends the reply for an error of the server: of its gates, or of a line without end, which has none.
func AppendError(b []byte, text string) []byte {
	code, rest, _ := strings.Cut(text, " ")
	switch {
	case code == "ERR" && rest == errLine.Error():
		return b
	case code == "ERR" && rest == "max number of clients reached":
		b = append(b, "ERROR Too many open connections"...)
	case code == "OOM":
		b = append(b, "SERVER_ERROR out of memory storing object"...)
	case code == "NOAUTH":
		b = append(b, "CLIENT_ERROR unauthenticated"...)
	case code == "NOPERM":
		b = append(append(b, "CLIENT_ERROR "...), rest...)
	case code == "ERR":
		b = append(append(b, "SERVER_ERROR "...), rest...)
	default:
		b = append(append(b, "SERVER_ERROR "...), text...)
	}
	return append(b, '\r', '\n')
}

// refuse replies what the parser says of a malformed line.
func refuse(c *commands.Ctx) error {
	reply(c, string(c.Argv[1]))
	return nil
}

func tooLarge(c *commands.Ctx) error {
	c.RemoveKey(c.Argv[1]) // a value that is out of date would be worse than none
	replyUnless(c.Argv[2], c, "SERVER_ERROR object too large for cache")
	return nil
}

// Version is the version of memcached that clients are told.
const Version = "1.6.18"

func showVersion(c *commands.Ctx) error {
	reply(c, "VERSION "+Version)
	return nil
}

func verbose(c *commands.Ctx) error {
	replyUnless(c.Argv[1], c, "OK")
	return nil
}

func shutdown(c *commands.Ctx) error {
	reply(c, "ERROR: shutdown not enabled")
	return nil
}

// A host is what the server offers these handlers of a client, beyond commands.Env.
type host interface {
	// CloseAfterReply has the connection closed when the client has been sent its replies.
	CloseAfterReply()
	// Figures shows figures of the server by name; those of a command are its full name's.
	Figures(show func(name string, n int64))
}

func quit(c *commands.Ctx) error {
	c.Env.(host).CloseAfterReply()
	return nil
}
