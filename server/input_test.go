package server

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A client that goes while the replies to a pipeline are written, the beginning of which
// had waited, takes nothing with it.
func TestAClientGoesInTheMiddleOfItsPipeline(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		const mapped = 300 << 10
		for _, size := range []int{1 << 10, 400 << 10, mapped} {
			for range 20 {
				conn, r := dial(t, path)
				fmt.Fprintf(conn, "*3\r\n$3\r\nSET\r\n$7\r\n%07d\r\n$%d\r\n%s", size, size, strings.Repeat("x", size/2))
				time.Sleep(5 * time.Millisecond)
				end, get := strings.Repeat("x", size-size/2)+"\r\n", fmt.Sprintf("GET %07d\r\n", size)
				if size < mapped {
					fmt.Fprint(conn, end+"GE")
					if _, err := io.ReadFull(r, make([]byte, len("+OK\r\n"))); err != nil {
						t.Fatal(err)
					}
					end = get[len("GE"):]
				}
				go fmt.Fprint(conn, end+strings.Repeat(get, 8<<20/size))
				_ = conn.(*net.UnixConn).CloseRead()
				time.Sleep(2 * time.Millisecond)
				conn.Close()
			}
			conn, r := dial(t, path)
			fmt.Fprint(conn, "PING\r\n")
			if _, err := io.ReadFull(r, make([]byte, len("+PONG\r\n"))); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A client that waits may send much behind what it waits for.
func TestMuchIsSentBehindWhatWaits(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		conn, r := dial(t, path)
		other, _ := dial(t, path)
		value := strings.Repeat("0123456789", 120_000)
		for range 3 {
			fmt.Fprint(conn, "BLPOP l 0\r\n")
			time.Sleep(10 * time.Millisecond)
			fmt.Fprintf(conn, "ECHO first\r\n*2\r\n$4\r\nECHO\r\n$%d\r\n%s", len(value), value[:600_000])
			time.Sleep(20 * time.Millisecond)
			fmt.Fprint(other, "RPUSH l x\r\n")
			time.Sleep(20 * time.Millisecond)
			fmt.Fprint(conn, value[600_000:]+"\r\n")
			want := fmt.Sprintf("*2\r\n$1\r\nl\r\n$1\r\nx\r\n$5\r\nfirst\r\n$%d\r\n%s\r\n", len(value), value)
			got := make([]byte, len(want))
			if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
				t.Fatalf("wrong replies, or %d of %d bytes of them: %v", n, len(want), err)
			}
		}
	})
}

// Commands that come in pieces arrive whole, however large they are, whatever stands behind
// them, and whoever else sends some; and so do replies to those who take them slowly.
func TestLargeCommandsComeInPieces(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable)
		var group sync.WaitGroup
		for client := range 4 {
			conn, r := dial(t, path)
			rng, i := rand.New(rand.NewPCG(uint64(client), 1)), 0
			slow := []time.Duration{0, 3 * time.Millisecond, time.Millisecond, 0, 0} // to take what is sent
			group.Go(func() {
				for range 15 {
					var commands, want []byte
					for i := range 1 + rng.IntN(6) {
						size := []int{10, 5000, 70_000, 200_000, 300_000, 1_200_000}[rng.IntN(6)]
						value := bytes.Repeat([]byte(fmt.Sprint(client, i, ";", rng.Int())), size/10)
						commands = fmt.Appendf(commands, "*3\r\n$3\r\nSET\r\n$4\r\n%d:%02d\r\n$%d\r\n%s\r\nGET %d:%02d\r\n",
							client, i, len(value), value, client, i)
						want = fmt.Appendf(want, "+OK\r\n$%d\r\n%s\r\n", len(value), value)
					}
					sent := make(chan struct{})
					go func() {
						defer close(sent)
						for len(commands) > 0 {
							n := min(len(commands), 1+rng.IntN(400_000))
							conn.Write(commands[:n])
							commands = commands[n:]
							time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
						}
					}()
					for len(want) > 0 {
						time.Sleep(slow[i%len(slow)])
						i++
						got := make([]byte, min(len(want), 700_000))
						if n, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want[:len(got)]) {
							t.Errorf("client %d: wrong replies, or %d of %d bytes of them: %v", client, n, len(want), err)
							return
						}
						want = want[len(got):]
					}
					<-sent
				}
			})
		}
		group.Wait()
	})
}
