package server

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// Publishing, tracking, watching and monitoring at once, by clients that come and
// go: for the race detector, and nobody waits for ever.
func TestEverythingThatHearsOfOthersAtOnce(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--notify-keyspace-events", "KEA", "--tracking-table-max-keys", "5")
		quiet, _ := dial(t, path)
		fmt.Fprint(quiet, "HELLO 3\r\nPSUBSCRIBE *\r\nMONITOR\r\n")
		go io.Copy(io.Discard, quiet)
		var done sync.WaitGroup
		for g := range 4 {
			done.Go(func() {
				for i := range 30 {
					conn, r := dial(t, path)
					fmt.Fprintf(conn, "HELLO 3\r\nCLIENT TRACKING ON\r\nSUBSCRIBE c%d c\r\nSSUBSCRIBE s\r\nWATCH k%d\r\n"+
						"GET k%d\r\nGET k\r\nMULTI\r\nSET k %d\r\nINCR k%d\r\nPUBLISH c m\r\nSPUBLISH s m\r\nGET k\r\nEXEC\r\n"+
						"CLIENT LIST\r\nINFO\r\nUNSUBSCRIBE c\r\nSET k 1 PX 1\r\nFLUSHDB\r\nPUBLISH c m\r\nECHO end-%d-%d\r\n",
						g, g, i%7, i, g, g, i)
					if i%3 == 0 {
						conn.Close()
						continue
					}
					if !readUntil(r, fmt.Sprintf("end-%d-%d", g, i)) {
						t.Error("no end")
					}
					conn.Close()
				}
			})
		}
		done.Wait()
	})
}

func readUntil(r *bufio.Reader, text string) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.TrimSpace(line) == text {
			return true
		}
	}
}
