package commands

// hashCommands are the rows of hashes.
var hashCommands = []Spec{}
