// Package pubsub knows who is subscribed to which channel, pattern and shard
// channel. It knows nothing of clients: a subscriber is whatever the caller says,
// and is reached through an outlet, which many subscribers may share, such as the
// event loop that serves them. A message is handed once to each outlet together
// with all its subscribers.
//
// # Locks
//
// A Hub's lock is held while a message is handed out, so that what one publisher
// says arrives in the order in which it was said. An Outlet must take the message
// and return; it may take locks of its own.
package pubsub
