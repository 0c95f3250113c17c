package commands

// sortCommands are the rows of sorting any collection.
var sortCommands = []Spec{}
