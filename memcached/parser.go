package memcached

import (
	"bytes"
	"errors"

	"cached/internal/resp"
)

// Lengths, in bytes.
const (
	maxKey   = 250
	maxLine  = 2048    // of a line whose end has not come, unless it is one of get or gets
	maxGets  = 4 << 20 // and if it is
	maxWords = 24      // of a line other than those of commands with many keys
)

// binary is the first byte of a client of the binary protocol, which is not spoken here.
const binary = 0x80

// errLine ends the connection without a reply, as in memcached.
var errLine = errors.New("a line without end")

// Limits are given to Parser.Next: BulkBytes is the size of the largest item.
func (p *Protocol) Limits() resp.Limits { return resp.Limits{BulkBytes: p.mostItem(), Args: maxGets} }

// NewParser returns the parser of a new connection.
func (p *Protocol) NewParser() *Parser { return &Parser{} }

// A Parser takes requests from what has arrived on one connection. The words of requests are:
//
//	get|gets key                       mget|mgets key...
//	gat|gats exptime [key...]
//	set|add|replace|append|prepend key flags exptime quiet value
//	cas key flags exptime quiet value number
//	incr|decr key delta quiet          touch key exptime quiet
//	delete key quiet                   flush_all delay quiet
//	verbosity quiet                    version, quit, shutdown
//	stats [word...]
//	toolarge key quiet                 a value that is too large, which the parser drops
//	malformed text                     what the client is answered
//
// quiet is "noreply" or empty; the delay of flush_all is empty if there is none.
type Parser struct {
	pos      int64 // bytes taken so far
	dropTo   int64 // what comes before that is the rest of a value that was too large
	dropFrom int64
}

// Words that the parser adds.
var (
	none      = []byte{}
	noreply   = []byte("noreply")
	mget      = []byte("mget")
	mgets     = []byte("mgets")
	toolarge  = []byte("toolarge")
	malformed = []byte("malformed")

	textError   = []byte("ERROR")
	textExptime = []byte("CLIENT_ERROR invalid exptime argument")
	textFormat  = []byte("CLIENT_ERROR bad command line format")
	textChunk   = []byte("CLIENT_ERROR bad data chunk")
	textDelete  = []byte("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]")
)

// Next returns the words of the first request in data, appended to argv, and how many bytes it takes; 0 bytes if it is
// not complete. It may take bytes without a request: then there are no words. Words alias data.
func (p *Parser) Next(data []byte, argv [][]byte, lim resp.Limits) ([][]byte, int, error) {
	if p.pos >= p.dropFrom && p.pos < p.dropTo {
		n := int(min(int64(len(data)), p.dropTo-p.pos))
		p.pos += int64(n)
		return argv[:0], n, nil
	}
	if p.pos == 0 && len(data) > 0 && data[0] == binary {
		return nil, 0, errLine
	}
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		if len(data) > maxGets || len(data) > maxLine && !longLine(data) {
			return nil, 0, errLine
		}
		return nil, 0, nil
	}
	line := data[:end]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	argv, n, drop := p.request(line, data, end+1, argv[:0], lim)
	if drop > 0 {
		p.dropFrom = p.pos + int64(n)
		p.dropTo = p.dropFrom + drop
	}
	p.pos += int64(n)
	return argv, n, nil
}

// Rewind says that the last n bytes that Next took will be given to it again.
func (p *Parser) Rewind(n int) { p.pos -= int64(n) }

// Need is how many bytes there must be for Next to return something else than before, or 0 if that is not known.
func (p *Parser) Need(data []byte) int {
	if p.pos >= p.dropFrom && p.pos < p.dropTo {
		return 0
	}
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return 0
	}
	var room [maxWords][]byte
	words, _ := split(data[:end], room[:0])
	if !isStore(words) || len(words) < 5 {
		return 0
	}
	size, ok := parseInt32(words[4])
	if !ok || size < 0 {
		return 0
	}
	return end + 1 + int(size) + 2
}

// longLine reports whether a line may be very long.
func longLine(data []byte) bool {
	data = bytes.TrimLeft(data, " ")
	return bytes.HasPrefix(data, []byte("get ")) || bytes.HasPrefix(data, []byte("gets "))
}

// split cuts a line at blanks. more is what follows the words that room has place for.
func split(line []byte, room [][]byte) (words [][]byte, more []byte) {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	words = room[:0]
	for i := 0; i < len(line); {
		if line[i] == ' ' {
			i++
			continue
		}
		if len(words) == maxWords {
			return words, line[i:]
		}
		n := bytes.IndexByte(line[i:], ' ')
		if n < 0 {
			n = len(line) - i
		}
		words = append(words, line[i:i+n:i+n])
		i += n
	}
	return words, nil
}

// isStore reports whether the words are those of a command with a value.
func isStore(words [][]byte) bool {
	if len(words) == 0 {
		return false
	}
	switch string(words[0]) {
	case "set", "add", "replace", "append", "prepend", "cas":
		return true
	}
	return false
}

// request makes the words of a line, of which the value begins at from in data. n is what the request takes, and drop
// how many bytes behind it are of no use.
func (p *Parser) request(line, data []byte, from int, argv [][]byte, lim resp.Limits) (_ [][]byte, n int, drop int64) {
	var room [maxWords][]byte
	words, more := split(line, room[:0])
	if isStore(words) {
		return p.store(words, data, from, argv, lim)
	}
	quiet, count := none, len(words)
	if count > 0 && string(words[count-1]) == "noreply" {
		quiet = noreply
	}
	switch {
	case count == 0:
		return append(argv, malformed, textError), from, 0
	case more != nil && !manyKeys(words[0]):
		return append(argv, malformed, textError), from, 0
	}
	switch string(words[0]) {
	case "get", "gets":
		argv = gets(argv, words, more)
	case "gat", "gats":
		argv = gats(argv, words, more)
	case "incr", "decr", "touch":
		if count != 3 && count != 4 {
			return append(argv, malformed, textError), from, 0
		}
		argv = keyed(argv, quiet, words[0], words[1], words[2], quiet)
	case "delete":
		argv = deletes(argv, words, quiet)
	case "flush_all":
		argv = flushes(argv, words, quiet)
	case "verbosity":
		argv = verbosity(argv, words, quiet)
	case "version", "quit", "shutdown":
		argv = append(argv, words[0])
	case "stats":
		argv = append(argv, words...)
	default:
		argv = append(argv, malformed, textError)
	}
	return argv, from, 0
}

// refusal is the request that replies text, or none if the client wants no reply.
func refusal(argv [][]byte, quiet, text []byte) [][]byte {
	if len(quiet) > 0 {
		return argv[:0]
	}
	return append(argv[:0], malformed, text)
}

// keyed is a request with a key, the second word, unless that is too long.
func keyed(argv [][]byte, quiet []byte, words ...[]byte) [][]byte {
	if len(words[1]) > maxKey {
		return refusal(argv, quiet, textFormat)
	}
	return append(argv, words...)
}

func manyKeys(command []byte) bool {
	switch string(command) {
	case "get", "gets", "gat", "gats":
		return true
	}
	return false
}

// gets are the words of get and gets.
func gets(argv, words [][]byte, more []byte) [][]byte {
	if len(words) < 2 {
		return append(argv, malformed, textError)
	}
	command := words[0]
	if len(words) > 2 {
		if command = mget; len(words[0]) == len("gets") {
			command = mgets
		}
	}
	return withKeys(append(argv, command), words[1:], more)
}

// gats are the words of gat and gats, which memcached takes without a key.
func gats(argv, words [][]byte, more []byte) [][]byte {
	if len(words) < 2 {
		return append(argv, malformed, textError)
	}
	if _, ok := parseInt32(words[1]); !ok {
		return append(argv, malformed, textExptime)
	}
	return withKeys(append(argv, words[0], words[1]), words[2:], more)
}

// withKeys appends keys, and those in the rest of the line.
func withKeys(argv, keys [][]byte, more []byte) [][]byte {
	for _, key := range keys {
		if len(key) > maxKey {
			return append(argv[:0], malformed, textFormat)
		}
		argv = append(argv, key)
	}
	for len(more) > 0 {
		n := bytes.IndexByte(more, ' ')
		if n < 0 {
			n = len(more)
		}
		if n > maxKey {
			return append(argv[:0], malformed, textFormat)
		}
		if n > 0 {
			argv = append(argv, more[:n:n])
		}
		more = more[min(n+1, len(more)):]
	}
	return argv
}

// deletes are the words of delete, behind whose key a 0 may be.
func deletes(argv, words [][]byte, quiet []byte) [][]byte {
	if len(words) < 2 || len(words) > 4 {
		return append(argv, malformed, textError)
	}
	if len(words) == 2 {
		quiet = none // it is the key
	}
	if len(words) > 2 {
		zero := string(words[2]) == "0"
		if valid := len(words) == 3 && (zero || len(quiet) > 0) || len(words) == 4 && zero && len(quiet) > 0; !valid {
			return refusal(argv, quiet, textDelete)
		}
	}
	return keyed(argv, quiet, words[0], words[1], quiet)
}

// flushes are the words of flush_all.
func flushes(argv, words [][]byte, quiet []byte) [][]byte {
	if len(words) > 3 {
		return append(argv, malformed, textError)
	}
	delay := none
	if len(words) == 3 || len(words) == 2 && len(quiet) == 0 {
		delay = words[1]
		if _, ok := parseInt32(delay); !ok {
			return refusal(argv, quiet, textExptime)
		}
	}
	return append(argv, words[0], delay, quiet)
}

// verbosity are the words of verbosity, whose level has no effect.
func verbosity(argv, words [][]byte, quiet []byte) [][]byte {
	if len(words) < 2 || len(words) > 3 {
		return append(argv, malformed, textError)
	}
	if _, ok := parseUint64(words[1]); !ok {
		return refusal(argv, quiet, textFormat)
	}
	return append(argv, words[0], quiet)
}

// store makes the words of a command with a value.
func (p *Parser) store(words [][]byte, data []byte, from int, argv [][]byte, lim resp.Limits) (
	_ [][]byte, n int, drop int64,
) {
	least := 5 // words; one more may follow
	isCAS := string(words[0]) == "cas"
	if isCAS {
		least = 6
	}
	if len(words) < least || len(words) > least+1 {
		return append(argv, malformed, textError), from, 0
	}
	quiet := none
	if string(words[len(words)-1]) == "noreply" {
		quiet = noreply
	}
	key := words[1]
	_, flagsOK := parseUint64(words[2])
	_, timeOK := parseInt32(words[3])
	size, sizeOK := parseInt32(words[4])
	casOK := true
	if isCAS {
		_, casOK = parseUint64(words[5])
	}
	const longest = 1<<31 - 1 - 2 // as memcached has it
	if len(key) > maxKey || !flagsOK || !timeOK || !sizeOK || !casOK || size < 0 || size > longest {
		return refusal(argv, quiet, textFormat), from, 0
	}
	if itemSize(len(key), int(size)) > lim.BulkBytes {
		return append(argv, toolarge, key, quiet), from, int64(size) + 2
	}
	whole := from + int(size) + 2
	if len(data) < whole {
		return nil, 0, 0
	}
	if data[whole-2] != '\r' || data[whole-1] != '\n' {
		return refusal(argv, quiet, textChunk), whole, 0
	}
	argv = append(argv, words[0], key, words[2], words[3], quiet, data[from:whole-2:whole-2])
	if isCAS {
		argv = append(argv, words[5])
	}
	return argv, whole, 0
}

// itemSize is the size of an item as memcached counts it.
func itemSize(key, value int) int { return 48 + 8 + 4 + key + 1 + value + 2 }

// Silent reports whether the client wants no reply to a request, and so no error either.
func Silent(argv [][]byte) bool {
	at := 0
	switch string(argv[0]) {
	case "set", "add", "replace", "append", "prepend", "cas":
		at = 4
	case "incr", "decr", "touch":
		at = 3
	case "delete", "toolarge", "flush_all":
		at = 2
	case "verbosity":
		at = 1
	default:
		return false
	}
	return at < len(argv) && len(argv[at]) > 0
}
