package compat

import "testing"

func TestCommandsAreRefusedWithoutMemoryAsByTheReference(t *testing.T) {
	// Valkey queues commands that only read.
	sameConversation(t, `only redis-7.0
			a: SET k v
			a: CONFIG SET maxmemory 1
			a: SET k w
			a: GET k
			a: APPEND k x
			a: DEL nosuch
			a: LPUSH l 1
			a: EXPIRE k 100
			a: SET k
			a: MULTI
			a: GET k
			a: SET k w
			a: EXEC
			a: MULTI
			a: DISCARD
			a: MULTI
			a: EXEC
			a: CONFIG SET maxmemory 0
			a: MULTI
			a: SET k w
			b: CONFIG SET maxmemory 1
			a: EXEC
			a: MULTI
			b: CONFIG SET maxmemory 0
			a: SET k x
			a: EXEC
			a: CONFIG SET maxmemory 1
			a: CONFIG SET maxmemory-policy volatile-lru
			a: SET k y
			a: CONFIG SET maxmemory 0
			a: SET k y
			a: GET k
`)
}
