package commands

// zsetCommands are the rows of sorted sets.
var zsetCommands = []Spec{}
