package server

// A subject keeps what it needs with each client, or with each worker, in a slot of its own,
// which is a variable of its package. The road does not look into slots.

// placesMost is how many slots of subjects clients and workers have at most.
const placesMost = 8

var clientSlots, workerSlots int // that are given away; packages ask while they are initialized

// A clientSlot is room in each client for a T.
type clientSlot[T any] struct{ at int }

// newClientSlot gives away a slot. It is called for variables of packages only.
func newClientSlot[T any]() clientSlot[T] {
	clientSlots++
	return clientSlot[T]{clientSlots - 1}
}

// of returns what is in the client's slot: a zero T at first. The client's owner calls it.
func (s clientSlot[T]) of(c *client) *T {
	if c.slots[s.at] == nil {
		c.slots[s.at] = new(T)
	}
	return c.slots[s.at].(*T)
}

// A workerSlot is room in each worker for a T.
type workerSlot[T any] struct{ at int }

// newWorkerSlot gives away a slot. It is called for variables of packages only.
func newWorkerSlot[T any]() workerSlot[T] {
	workerSlots++
	return workerSlot[T]{workerSlots - 1}
}

// of returns what is in the worker's slot: a zero T at first. Whoever runs the worker calls it.
func (s workerSlot[T]) of(w *worker) *T {
	if w.slots[s.at] == nil {
		w.slots[s.at] = new(T)
	}
	return w.slots[s.at].(*T)
}
