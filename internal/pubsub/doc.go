// Package pubsub holds the subscriptions to channels, patterns and shard channels. It
// knows nothing of clients: a subscriber is a value of the caller, and is reached
// through an outlet, which many subscribers may share, such as the event loop that
// serves them. A message is passed once to each outlet together with all its
// subscribers.
//
// # Locks
//
// A Hub's lock is held while a message is passed to outlets, so that the messages of
// one publisher arrive in their order. An Outlet must store the message and return; it
// may take locks of its own.
package pubsub
