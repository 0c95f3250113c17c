// Package tree keeps the order of large collections: a counted B+tree in blocks
// of an arena.
//
// An entry is a key and a ref, two numbers; what the ref means is its owner's
// affair, usually the address of an item. An Ordered tree is sorted by key and,
// where keys are equal, by a comparison of what the refs refer to. Each entry
// weighs 1, so the weight in front of an entry is its rank. A Positional tree
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
// look at what such a ref refers to, which must therefore still exist.
//
// A node that is full splits in two halves, except at either end of the tree,
// where the full node stays as it is and a new one begins: entries that come in
// order fill every node. A node that falls under 40% of its maximum merges with
// a neighbour or takes entries from it, except at the ends, where it stays until
// it is empty: a queue shall not move entries around.
//
// There are no parent pointers. Whatever changes the tree comes from the root
// and keeps its path in an array on the stack.
//
// # Lifetimes
//
// A Tree is free of Go pointers, may lie in a block itself, and is empty when
// zero. An Iter ends with the next change of the tree. An entry must leave the
// tree, or get another ref, before what it refers to is freed or changes order.
//
// # Locks
//
// None: whoever owns the heap owns the trees in it.
package tree
