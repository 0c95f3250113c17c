package commands

// listCommands are the rows of lists.
var listCommands = []Spec{}
