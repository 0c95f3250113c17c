// Package tree keeps the order of large collections: a counted B+tree in blocks
// of an arena.
//
// An entry is a key and a ref, two numbers; the owner of the tree defines the meaning
// of a ref, which is usually the address of an item. An Ordered tree is sorted by key
// and, where keys are equal, by a comparison of the objects that the refs refer to. Each
// entry weighs 1, so the weight in front of an entry is its rank. A Positional tree
// has no order of its own: entries stay where they were put, the key is the
// entry's weight, and the entry that covers a given weight is found in O(log n).
// With chunks as refs and their lengths as keys that is a list.
//
// # Nodes
//
// A leaf holds up to 63 entries of 16 bytes behind a header of 16 and is linked
// to its neighbours. Its block grows and shrinks in steps of 128 bytes, each an
// arena class of its own, so that leaves are well filled whatever the order of
// inserts. An inner node holds up to 31 children in four arrays: the first key
// and the first ref of each child's subtree, its weight and its address. The
// first keys and refs are exact copies, not mere separators: a comparison may
// look at the object of such a ref, which must therefore still exist.
//
// A node that is full splits in two halves, except at either end of the tree,
// where the full node stays as it is and a new one begins: entries that are added in
// order fill every node. A node that falls under 40% of its maximum merges with
// a neighbour or takes entries from it, except at the ends, where it stays until
// it is empty, so that a queue does not move entries.
//
// There are no parent pointers. Every change begins at the root and keeps its path
// in an array on the stack.
//
// # Lifetimes
//
// A Tree is free of Go pointers, may lie in a block itself, and is empty when
// zero. An Iter is invalid after the next change of the tree. An entry must be removed
// from the tree, or get another ref, before its object is freed or changes its order.
//
// # Locks
//
// None: the owner of the heap, usually a shard, guards the trees in it.
package tree
