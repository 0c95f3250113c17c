// Package stats holds the types in which subsystems report their statistics.
//
// A Section is a named part of a report: memory, clients, persistence. When a report is made, each section
// passes its Samples to a Sink, in order: a name, a counter or a gauge or a text, a value with its type and
// unit, and a line of help. Samples of one thing among many (a command, a database, an error) come together
// in a Row, whose labels say which thing it is. A Sink renders them: Info writes the text of the INFO command.
// A sink gets facts, never text that it would have to parse.
//
// The package opens no socket, reads no clock and starts no goroutine. Values of its types belong to the
// goroutine that makes the report.
package stats
