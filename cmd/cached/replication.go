package main

import (
	"cached/replication"
	"cached/server"
)

// roleGate refuses what a replica, or a primary with too few replicas, does not do.
func roleGate(r *replication.Replication) server.PlacedGate {
	return server.PlacedGate{Before: "pause", Gate: server.Gate{
		Name: "replication", Origins: server.Client | server.Exec | server.Script | server.Waiter, Speaks: r.Refusing,
		Ask: func(q *server.Request) server.Verdict {
			lacks := q.Lacks
			if q.Origin == server.FromScript {
				lacks = 0 // whether the script may run at all was asked before
			}
			return server.Verdict{Refusal: r.Refuse(q.Flags, lacks)}
		},
	}}
}
