package server

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"
)

// What it takes to give a value to a thousand clients that wait for it.
func BenchmarkFillOfAStampede(b *testing.B) {
	const clients = 1000
	srv, path := startServer(b, false)
	conns, readers := make([]net.Conn, clients+1), make([]*bufio.Reader, clients+1)
	for i := range conns {
		c, err := net.Dial("unix", path)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i], readers[i] = c, bufio.NewReader(c)
		fmt.Fprint(c, "PING\r\n")
		_, _ = readers[i].ReadString('\n')
	}
	read := func(i, lines int) {
		for range lines {
			if _, err := readers[i].ReadString('\n'); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		b.StopTimer()
		fmt.Fprint(conns[clients], "DEL k\r\nCACHE.GET k LEASE 60000\r\n")
		read(clients, 7)
		for i := range clients {
			fmt.Fprint(conns[i], "CACHE.GET k WAIT 60000\r\n")
		}
		for srv.block.all.Load() != clients {
			time.Sleep(time.Millisecond)
		}
		b.StartTimer()
		fmt.Fprint(conns[clients], "SET k v\r\n")
		read(clients, 1)
		for i := range clients {
			read(i, 6)
		}
	}
}
