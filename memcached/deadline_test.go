package memcached

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/config"
	"cached/internal/resp"
)

// A desk runs requests on an engine, at a time of its own.
type desk struct {
	t     *testing.T
	p     *Protocol
	table *commands.Table
	e     *engine.Engine
	nowMS int64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	cfg, err := config.New(Params(), []config.Param{{Name: "databases", Kind: config.Int, Default: "16", Max: 16}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, p: p, table: commands.NewTable(commands.Data()).Beside(Name, p.Rows()), e: engine.New(engine.Options{}), nowMS: 1_800_000_000_000}
}

// ask parses and runs requests, and returns the replies.
func (d *desk) ask(text string) string {
	d.t.Helper()
	var w resp.Writer
	var tx engine.Tx
	parser := d.p.NewParser()
	for data := []byte(text); len(data) > 0; {
		argv, n, err := parser.Next(data, nil, d.p.Limits())
		if err != nil || n == 0 {
			d.t.Fatalf("%q: %d, %v", data, n, err)
		}
		data = data[n:]
		if len(argv) == 0 {
			continue
		}
		spec, _ := d.table.Find(argv)
		if spec == nil || !spec.ArityOK(argv) {
			d.t.Fatalf("%q is no request", argv)
		}
		tx.Begin(d.e, d.p.Database(), d.nowMS)
		spec.Lock(&tx, argv)
		c := commands.Ctx{Argv: argv, Reply: &w, Tx: &tx, NowMS: d.nowMS, Spec: spec, Table: d.table}
		if err := spec.Run(&c); err != nil {
			d.t.Fatalf("%q: %v", argv, err)
		}
		tx.Commit(argv)
		tx.Unlock()
	}
	return string(w.B)
}

func TestDatabaseMustExist(t *testing.T) {
	cfg, err := config.New(Params(), []config.Param{{Name: "databases", Kind: config.Int, Default: "0", Max: 16}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err == nil {
		t.Error("a database that is not there")
	}
}

// Keys live as long as a model says, whose clock is moved.
func TestDeadlines(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	d := newDesk(t)
	const never = int64(1) << 62
	ends := map[string]int64{} // Unix milliseconds
	lives := func(key string) bool {
		at, there := ends[key]
		return there && d.nowMS <= at
	}
	exptime := func() (word string, at int64) {
		now := d.nowMS / 1000
		switch rng.IntN(8) {
		case 0, 1:
			return "0", never
		case 2:
			return fmt.Sprint(-1 - rng.Int64N(1000)), 0
		case 3: // a moment
			n := now + rng.Int64N(2000) - 1000
			if at = n * 1000; at <= d.nowMS {
				at = 0
			}
			return fmt.Sprint(n), at
		case 4:
			return fmt.Sprint(longestRelative), d.nowMS + longestRelative*1000
		case 5:
			return fmt.Sprint(longestRelative + 1), 0 // a moment of 1970
		default:
			n := 1 + rng.Int64N(500)
			return fmt.Sprint(n), d.nowMS + n*1000
		}
	}
	for i := range 20000 {
		key := fmt.Sprint("k", rng.IntN(8))
		word, at := exptime()
		var text, want string
		switch there := lives(key); rng.IntN(6) {
		case 0:
			text, want = fmt.Sprintf("set %s 3 %s 1\r\nx\r\n", key, word), "STORED\r\n"
			ends[key] = at
		case 1:
			text, want = fmt.Sprintf("add %s 3 %s 1\r\nx\r\n", key, word), "NOT_STORED\r\n"
			if !there {
				want, ends[key] = "STORED\r\n", at
			}
		case 2:
			text, want = fmt.Sprintf("touch %s %s\r\n", key, word), "NOT_FOUND\r\n"
			if there {
				want, ends[key] = "TOUCHED\r\n", at
			}
		case 3:
			text, want = fmt.Sprintf("gat %s %s\r\n", word, key), "END\r\n"
			if there {
				want, ends[key] = "VALUE "+key+" 3 1\r\nx\r\nEND\r\n", at
			}
		case 4:
			text, want = "get "+key+"\r\n", "END\r\n"
			if there {
				want = "VALUE " + key + " 3 1\r\nx\r\nEND\r\n"
			}
		default:
			text, want = "append "+key+" 0 0 0\r\n\r\n", "NOT_STORED\r\n" // the deadline stays
			if there {
				want = "STORED\r\n"
			}
		}
		if got := d.ask(text); got != want {
			t.Fatalf("seed %d, call %d at %d: %q: %q, want %q", seed, i, d.nowMS, text, got, want)
		}
		d.nowMS += rng.Int64N(30_000)
	}
}

// CAS numbers are not given twice, and change with the value.
func TestNumbersOfValues(t *testing.T) {
	d := newDesk(t)
	seen := make(map[string]bool)
	number := func() string {
		t.Helper()
		words := strings.Fields(d.ask("gets a\r\n"))
		if len(words) != 7 {
			t.Fatal(words)
		}
		if seen[words[4]] {
			t.Fatalf("the number %s comes again", words[4])
		}
		seen[words[4]] = true
		if again := strings.Fields(d.ask("gets a\r\n")); again[4] != words[4] {
			t.Fatalf("%s, and then %s", words[4], again[4])
		}
		return words[4]
	}
	for range 100 {
		d.ask("set a 0 0 1\r\n1\r\n")
		number()
		d.ask("append a 0 0 1\r\n1\r\n")
		number()
		d.ask("incr a 1\r\n")
		n := number()
		if got := d.ask("cas a 1 0 1 " + n + "\r\n5\r\ncas a 1 0 1 " + n + "\r\n6\r\n"); got != "STORED\r\nEXISTS\r\n" {
			t.Fatal(got)
		}
		number()
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	for text, want := range map[string]string{
		"OOM command not allowed when used memory > 'maxmemory'.": "SERVER_ERROR out of memory storing object\r\n",
		"NOAUTH Authentication required.":                         "CLIENT_ERROR unauthenticated\r\n",
		"LOADING wait":                                            "SERVER_ERROR LOADING wait\r\n",
		"ERR max number of clients reached":                       "ERROR Too many open connections\r\n",
		"ERR " + errLine.Error():                                  "",
	} {
		if got := string(AppendError(nil, text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
