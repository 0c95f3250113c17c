package commands

// streamCommands are the rows of streams.
var streamCommands = []Spec{}
