package commands

// geoCommands are the rows of places.
var geoCommands = []Spec{}
