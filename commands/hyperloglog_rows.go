package commands

// hyperloglogCommands are the rows of HyperLogLogs.
var hyperloglogCommands = []Spec{}
