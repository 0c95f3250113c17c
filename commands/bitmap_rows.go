package commands

// bitmapCommands are the rows of bitmaps.
var bitmapCommands = []Spec{}
