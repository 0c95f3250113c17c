package server

import "cached/commands"

// pubsubRows are the rows of publishing and subscribing.
func (p *Pusher) pubsubRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "psubscribe", Group: commands.PubSub, Since: "2.0.0", Arity: -2, Complexity: "O(N) where N is the number of patterns the client is already subscribed to",
			Summary: "Listen for messages published to channels matching the given patterns.",
			Flags:   commands.PubSubCmd | commands.NoScript | commands.Loading | commands.Stale | commands.InPubSub,
			Args:    []commands.Arg{commands.Many(commands.Block("pattern", commands.Pattern("pattern")))},
			Run:     p.psubscribe,
		},
		{
			Name: "publish", Group: commands.PubSub, Since: "2.0.0", Arity: 3, Complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client)",
			Summary: "Post a message to a channel.",
			Flags:   commands.PubSubCmd | commands.Loading | commands.Stale | commands.Fast | commands.MayReplicate,
			Args:    []commands.Arg{commands.Str("channel"), commands.Str("message")},
			Run:     p.publish,
		},
		{
			Name: "pubsub", Group: commands.PubSub, Since: "2.8.0", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for Pub/Sub commands.",
			Sub: []commands.Spec{
				{
					Name: "channels", Since: "2.8.0", Arity: -2, Complexity: "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
					Summary: "List active channels.",
					Flags:   commands.PubSubCmd | commands.Loading | commands.Stale,
					Args:    []commands.Arg{commands.Opt(commands.Pattern("pattern"))},
					Run:     p.pubsubChannels,
				},
				{
					Name: "help", Since: "6.2.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     p.pubsubHelp,
				},
				{
					Name: "numpat", Since: "2.8.0", Arity: 2, Complexity: "O(1)",
					Summary: "Get the count of unique patterns pattern subscriptions.",
					Flags:   commands.PubSubCmd | commands.Loading | commands.Stale,
					Run:     p.pubsubNumpat,
				},
				{
					Name: "numsub", Since: "2.8.0", Arity: -2, Complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
					Summary: "Get the count of subscribers for channels.",
					Flags:   commands.PubSubCmd | commands.Loading | commands.Stale,
					Args:    []commands.Arg{commands.Opt(commands.Many(commands.Str("channel")))},
					Run:     p.pubsubNumsub,
				},
				{
					Name: "shardchannels", Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels)",
					Summary: "List active shard channels.",
					Flags:   commands.PubSubCmd | commands.Loading | commands.Stale,
					Args:    []commands.Arg{commands.Opt(commands.Pattern("pattern"))},
					Run:     p.pubsubShardchannels,
				},
				{
					Name: "shardnumsub", Since: "7.0.0", Arity: -2, Complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
					Summary: "Get the count of subscribers for shard channels.",
					Flags:   commands.PubSubCmd | commands.Loading | commands.Stale,
					Args:    []commands.Arg{commands.Opt(commands.Many(commands.Str("shardchannel")))},
					Run:     p.pubsubShardnumsub,
				},
			},
		},
		{
			Name: "punsubscribe", Group: commands.PubSub, Since: "2.0.0", Arity: -1, Complexity: "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client)",
			Summary: "Stop listening for messages posted to channels matching the given patterns.",
			Flags:   commands.PubSubCmd | commands.NoScript | commands.Loading | commands.Stale | commands.InPubSub,
			Args:    []commands.Arg{commands.Opt(commands.Many(commands.Pattern("pattern")))},
			Run:     p.punsubscribe,
		},
		{
			Name: "spublish", Group: commands.PubSub, Since: "7.0.0", Arity: 3, Complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel",
			Summary: "Post a message to a shard channel.",
			Flags:   commands.PubSubCmd | commands.Loading | commands.Stale | commands.Fast | commands.MayReplicate,
			Keys:    []commands.KeySpec{commands.KeyAt(1, commands.NotKey)},
			Args:    []commands.Arg{commands.Str("shardchannel"), commands.Str("message")},
			Run:     p.spublish,
		},
		{
			Name: "ssubscribe", Group: commands.PubSub, Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the number of shard channels to subscribe to",
			Summary: "Listen for messages published to the given shard channels.",
			Flags:   commands.PubSubCmd | commands.NoScript | commands.Loading | commands.Stale | commands.InPubSub,
			Keys:    []commands.KeySpec{commands.KeysFrom(1, -1, 1, commands.NotKey)},
			Args:    []commands.Arg{commands.Many(commands.Str("shardchannel"))},
			Run:     p.ssubscribe,
		},
		{
			Name: "subscribe", Group: commands.PubSub, Since: "2.0.0", Arity: -2, Complexity: "O(N) where N is the number of channels to subscribe to",
			Summary: "Listen for messages published to the given channels.",
			Flags:   commands.PubSubCmd | commands.NoScript | commands.Loading | commands.Stale | commands.InPubSub,
			Args:    []commands.Arg{commands.Many(commands.Str("channel"))},
			Run:     p.subscribe,
		},
		{
			Name: "sunsubscribe", Group: commands.PubSub, Since: "7.0.0", Arity: -1, Complexity: "O(N) where N is the number of clients already subscribed to a shard channel",
			Summary: "Stop listening for messages posted to the given shard channels.",
			Flags:   commands.PubSubCmd | commands.NoScript | commands.Loading | commands.Stale | commands.InPubSub,
			Keys:    []commands.KeySpec{commands.KeysFrom(1, -1, 1, commands.NotKey)},
			Args:    []commands.Arg{commands.Opt(commands.Many(commands.Str("shardchannel")))},
			Run:     p.sunsubscribe,
		},
		{
			Name: "unsubscribe", Group: commands.PubSub, Since: "2.0.0", Arity: -1, Complexity: "O(N) where N is the number of clients already subscribed to a channel",
			Summary: "Stop listening for messages posted to the given channels.",
			Flags:   commands.PubSubCmd | commands.NoScript | commands.Loading | commands.Stale | commands.InPubSub,
			Args:    []commands.Arg{commands.Opt(commands.Many(commands.Str("channel")))},
			Run:     p.unsubscribe,
		},
	}
}
