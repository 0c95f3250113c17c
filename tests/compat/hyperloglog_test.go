package compat

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"cached/internal/script"
)

// A twin sends calls to the subject and the reference and wants the same bytes
// from both.
type twin struct {
	t        *testing.T
	sub, ref *wire
}

func newTwin(t *testing.T) *twin {
	t.Helper()
	return &twin{t, freshWire(t, subject(t), false), freshWire(t, older.process(t), false)}
}

func (w *twin) call(args ...string) []byte {
	w.t.Helper()
	a, err := w.sub.call(argv(args...))
	if err != nil {
		w.t.Fatalf("the subject: %s: %v", script.Line(argv(args...)), err)
	}
	b, err := w.ref.call(argv(args...))
	if err != nil {
		w.t.Fatalf("the reference: %s: %v", script.Line(argv(args...)), err)
	}
	if !bytes.Equal(a, b) {
		w.t.Fatalf("%.200s\ngot:       %.300q\nreference: %.300q", script.Line(argv(args...)), a, b)
	}
	return a
}

// The value of a HyperLogLog is a string that clients may read, copy and write
// back, on one server or another.
func TestHyperLogLogsAreByteForByteTheReferences(t *testing.T) {
	for _, limit := range []string{"0", "20", "300", "3000", "20000"} {
		t.Run("sparse-max-"+limit, func(t *testing.T) {
			w := newTwin(t)
			defer w.call("CONFIG", "SET", "hll-sparse-max-bytes", "3000")
			w.call("CONFIG", "SET", "hll-sparse-max-bytes", limit)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 1500 {
				key := fmt.Sprint("h", r.IntN(3))
				args := []string{"PFADD", key}
				for range r.IntN(8) {
					args = append(args, fmt.Sprint(r.IntN(1<<(4+r.IntN(20)))))
				}
				w.call(args...)
				w.call("GET", key)
				switch r.IntN(20) {
				case 0:
					w.call("PFCOUNT", key)
					w.call("GET", key)
				case 1:
					w.call("PFCOUNT", "h0", "h1", "h2", "none")
				case 2:
					w.call("PFMERGE", "m", key, "none")
					w.call("GET", "m")
					w.call("PFCOUNT", "m")
				case 3:
					w.call("PFDEBUG", "ENCODING", key)
					w.call("PFDEBUG", "DECODE", key)
				}
				if i%500 == 499 {
					w.call("DEL", "m")
					w.call("PFMERGE", "m", "h0", "h1", "h2")
					w.call("GET", "m")
					w.call("PFDEBUG", "GETREG", "m")
					w.call("GET", "m")
					w.call("DEL", key)
				}
			}
		})
	}
}

// Many elements in few calls: dense values with high registers and large counts.
func TestLargeHyperLogLogsCountAlike(t *testing.T) {
	w := newTwin(t)
	n := 0
	for range 40 {
		args := []string{"PFADD", "big"}
		for range 2500 {
			args = append(args, fmt.Sprint("element ", n, " with a tail"[:n%12]))
			n++
		}
		w.call(args...)
		w.call("PFCOUNT", "big")
	}
	w.call("GET", "big")
	w.call("PFDEBUG", "GETREG", "big")
}

// Notifications of a change: events, and transactions that watch the key.
func TestChangesOfBitmapsAndHyperLogLogsAreToldAsByTheReference(t *testing.T) {
	sameConversation(t, `
		a: HELLO 3
		a: CONFIG SET notify-keyspace-events KEA
		e: PSUBSCRIBE __key*
		b: SETBIT b 7 0 ;; SETBIT b 7 0 ;; SETBIT b 7 1 ;; SETBIT b 7 1 ;; SETBIT b 70 0 ;; GETBIT b 7
		b: BITFIELD f GET u8 0 ;; BITFIELD f SET u8 0 0 ;; BITFIELD f SET u8 0 0 ;; BITFIELD f SET u8 0 1 SET u8 8 1
		b: BITFIELD f OVERFLOW FAIL INCRBY u1 0 2 ;; BITFIELD f INCRBY u8 0 0 ;; BITFIELD f INCRBY u8 100 0
		b: BITFIELD_RO f GET u8 0 ;; BITCOUNT f ;; BITPOS f 1
		b: BITOP OR d b f ;; BITOP OR d none ;; BITOP OR d none ;; BITOP NOT b b
		b: PFADD h ;; PFADD h ;; PFADD h a ;; PFADD h a ;; PFCOUNT h ;; PFCOUNT h ;; PFCOUNT h g
		b: PFMERGE h ;; PFMERGE g h ;; PFCOUNT g ;; PFDEBUG ENCODING g
		a: CONFIG SET notify-keyspace-events ""
		a: WATCH b
		b: SETBIT b 3 1 ;; SETBIT b 3 0
		a: MULTI ;; PING ;; EXEC
		a: WATCH b
		b: SETBIT b 3 0 ;; BITFIELD b SET u1 3 0 ;; BITFIELD b OVERFLOW FAIL SET u1 3 2
		a: MULTI ;; PING ;; EXEC
		a: WATCH h
		b: PFADD h a ;; PFCOUNT h
		a: MULTI ;; PING ;; EXEC
		b: PFADD h fresh
		a: WATCH h
		b: PFCOUNT h
		a: MULTI ;; PING ;; EXEC
		a: WATCH h
		b: PFCOUNT h ;; PFADD h a ;; PFADD h
		a: MULTI ;; PING ;; EXEC
		a: MULTI ;; PFADD m a b ;; PFCOUNT m ;; PFMERGE n m ;; PFCOUNT n m ;; SETBIT x 1 1 ;; BITCOUNT x ;; EXEC`)
}
