package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"cached/commands"
)

// Replies that are made elsewhere come in their places, however late each is made, and what
// stands behind them in the pipeline runs meanwhile.
func TestRepliesMadeElsewhereComeInTheirPlaces(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		var mu sync.Mutex
		var made []func() // that are still to come
		gate := Gate{Name: "elsewhere", Origins: Client, Ask: func(r *Request) Verdict {
			if r.Spec.Name != "get" || !strings.HasPrefix(string(r.Argv[1]), "far:") {
				return Verdict{}
			}
			return Verdict{Send: func(argv [][]byte, reply func([]byte)) {
				mu.Lock()
				defer mu.Unlock()
				made = append(made, func() { reply(fmt.Appendf(nil, "+%s\r\n", argv[1])) })
			}}
		}}
		_, path := startWith(t, Options{Portable: portable, Gates: []PlacedGate{{gate, "memory"}}})
		other, or := dial(t, path)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		for round := range 30 {
			conn, r := dial(t, path)
			var want strings.Builder
			var pipeline strings.Builder
			far, mark := 0, fmt.Sprintf("mark:%d", round)
			for i := range 1 + rng.IntN(200) {
				switch rng.IntN(5) {
				case 0, 1:
					fmt.Fprintf(&pipeline, "GET far:%d\r\n", i)
					fmt.Fprintf(&want, "+far:%d\r\n", i)
					far++
				case 2:
					fmt.Fprintf(&pipeline, "CLIENT REPLY SKIP\r\nGET far:skipped%d\r\n", i)
					far++
				case 3:
					value := strings.Repeat("x", rng.IntN(5000))
					fmt.Fprintf(&pipeline, "ECHO \"%s\"\r\n", value)
					fmt.Fprintf(&want, "$%d\r\n%s\r\n", len(value), value)
				case 4:
					pipeline.WriteString("GET a b\r\n")
					want.WriteString("-ERR wrong number of arguments for 'get' command\r\n")
				}
			}
			pipeline.WriteString("SET " + mark + " 1\r\nQUIT\r\n")
			want.WriteString("+OK\r\n+OK\r\n")
			fmt.Fprint(conn, pipeline.String())
			// All of it has run before the first reply from elsewhere is there.
			for line := ""; line != ":1\r\n"; {
				fmt.Fprintf(other, "EXISTS %s\r\n", mark)
				line, _ = or.ReadString('\n')
			}
			mu.Lock()
			late := made
			made = nil
			mu.Unlock()
			if len(late) != far {
				t.Fatalf("%d commands went elsewhere, want %d", len(late), far)
			}
			rng.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
			go func() {
				for _, f := range late {
					f()
				}
			}()
			expect(t, r, want.String())
			if _, err := r.ReadByte(); err == nil {
				t.Error("the connection is open after QUIT")
			}
		}
		// One that leaves is not waited for.
		conn, _ := dial(t, path)
		fmt.Fprint(conn, "GET far:away\r\n")
		for done := false; !done; {
			mu.Lock()
			done = len(made) == 1
			mu.Unlock()
		}
		_ = conn.Close()
		made[0]()
		fmt.Fprint(other, "PING\r\n")
		expect(t, or, "+PONG\r\n")
	})
}

// A client whose replies are all made elsewhere is not read for ever.
func TestRepliesMadeElsewhereAreBounded(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		var mu sync.Mutex
		var made []func([]byte)
		gate := Gate{Name: "elsewhere", Origins: Client, Ask: func(r *Request) Verdict {
			if r.Spec.Flags&commands.ReadOnly == 0 || r.Spec.Name != "get" {
				return Verdict{}
			}
			return Verdict{Send: func(_ [][]byte, reply func([]byte)) {
				mu.Lock()
				defer mu.Unlock()
				made = append(made, reply)
			}}
		}}
		_, path := startWith(t, Options{Portable: portable, Gates: []PlacedGate{{gate, "memory"}}})
		conn, r := dial(t, path)
		const all = 3 * slotsMost
		fmt.Fprint(conn, strings.Repeat("GET k\r\n", all)+"ECHO end\r\n")
		for n := 0; n < all; {
			mu.Lock()
			now := made
			if len(now) > slotsMost {
				t.Errorf("%d replies are made elsewhere at a time", len(now))
			}
			made = nil
			mu.Unlock()
			for _, reply := range now {
				reply([]byte("$-1\r\n"))
			}
			n += len(now)
		}
		expect(t, r, strings.Repeat("$-1\r\n", all)+"$3\r\nend\r\n")
	})
}
