package server

import (
	"fmt"
	"testing"
)

// Keys that have ended and are not removed yet do not count for the digest, nor does it
// tell in which database they are.
func TestDigestWithoutKeysThatHaveEnded(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startServer(t, portable, "--enable-debug-command", "yes")
		conn, r := dial(t, path)
		fmt.Fprint(conn, "DEBUG SET-ACTIVE-EXPIRE 0\r\nSET x foo PX 1\r\nSELECT 1\r\nSET x bar PX 1\r\nDEBUG SLEEP 0.005\r\n"+
			"DEBUG DIGEST\r\nDBSIZE\r\n")
		expect(t, r, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+0000000000000000000000000000000000000000\r\n:1\r\n")
	})
}
