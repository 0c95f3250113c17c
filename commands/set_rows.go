package commands

// setCommands are the rows of sets.
var setCommands = []Spec{}
