package server

import "cached/commands"

// rows are the rows of MEMORY and its subcommands.
func (mm *Memory) rows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "memory", Group: commands.Server, Since: "4.0.0", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for memory diagnostics commands.",
			Sub: []commands.Spec{
				{
					Name: "doctor", Since: "4.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Outputs memory problems report.",
					Flags:   commands.Deferred,
					Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
					Run:     mm.memoryDoctor,
				},
				{
					Name: "help", Since: "4.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     mm.memoryHelp,
				},
				{
					Name: "malloc-stats", Since: "4.0.0", Arity: 2, Complexity: "Depends on how much memory is allocated, could be slow",
					Summary: "Show allocator internal stats.",
					Flags:   commands.Deferred,
					Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
					Run:     mm.memoryMallocStats,
				},
				{
					Name: "purge", Since: "4.0.0", Arity: 2, Complexity: "Depends on how much memory is allocated, could be slow",
					Summary: "Ask the allocator to release memory.",
					Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
					Run:     mm.memoryPurge,
				},
				{
					Name: "stats", Since: "4.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show memory usage details.",
					Flags:   commands.Deferred,
					Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
					Run:     mm.memoryStats,
				},
				{
					Name: "usage", Since: "4.0.0", Arity: -3, Complexity: "O(N) where N is the number of samples",
					Summary: "Estimate the memory usage of a key.",
					Flags:   commands.ReadOnly,
					Keys:    []commands.KeySpec{commands.KeyAt(2, commands.RO)},
					Args:    []commands.Arg{commands.Key("key", 0), commands.Opt(commands.After("SAMPLES", commands.Int("count")))},
					Run:     mm.memoryUsage,
				},
			},
		},
	}
}
