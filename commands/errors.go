package commands

import (
	"errors"

	"cached/engine"
)

// An Error is an error reply: a code such as ERR and a text.
type Error string

func (e Error) Error() string { return string(e) }

// The errors that clients see, each text once. They are part of the protocol.
const (
	ErrSyntax         = Error("ERR syntax error")
	ErrNotInt         = Error("ERR value is not an integer or out of range")
	ErrNotFloat       = Error("ERR value is not a valid float")
	ErrNotPositive    = Error("ERR value is out of range, must be positive")
	ErrOutOfRange     = Error("ERR index out of range")
	ErrNoKey          = Error("ERR no such key")
	ErrWrongType      = Error("WRONGTYPE Operation against a key holding the wrong kind of value")
	ErrOverflow       = Error("ERR increment or decrement would overflow")
	ErrDecrOverflow   = Error("ERR decrement would overflow")
	ErrNaN            = Error("ERR increment would produce NaN or Infinity")
	ErrOffset         = Error("ERR offset is out of range")
	ErrTooBig         = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	ErrSameObject     = Error("ERR source and destination objects are the same")
	ErrDBIndex        = Error("ERR DB index is out of range")
	ErrInvalidDB      = Error("ERR invalid DB index")
	ErrInvalidFirst   = Error("ERR invalid first DB index")
	ErrInvalidSecond  = Error("ERR invalid second DB index")
	ErrInvalidCursor  = Error("ERR invalid cursor")
	ErrNXorXXGTLT     = Error("ERR NX and XX, GT or LT options at the same time are not compatible")
	ErrGTandLT        = Error("ERR GT and LT options at the same time are not compatible")
	ErrLCSBoth        = Error("ERR If you want both the length and indexes, please just use IDX.")
	ErrLCSType        = Error("ERR The specified keys must contain string values")
	ErrNoKeysInArgs   = Error("ERR The command has no key arguments")
	ErrInvalidCommand = Error("ERR Invalid command specified")
	ErrInvalidArgs    = Error("ERR Invalid number of arguments specified for command")
	ErrTimeoutRange   = Error("ERR timeout is out of range")
	ErrTimeoutFloat   = Error("ERR timeout is not a float or out of range")
	errNoOpposite     = Error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
	ErrTimeoutNeg     = Error("ERR timeout is negative")
	ErrTimeoutInt     = Error("ERR timeout is not an integer or out of range")
)

// invalidExpire is the error of a deadline that is not in the future or does
// not fit.
func invalidExpire(command string) error {
	return Error("ERR invalid expire time in '" + command + "' command")
}

// WrongArity is the error of a command called with too few or too many words.
func WrongArity(name string) error {
	return Error("ERR wrong number of arguments for '" + name + "' command")
}

// clientError gives an error of the engine the text that clients know.
func clientError(err error) error {
	if errors.Is(err, engine.ErrWrongType) {
		return ErrWrongType
	}
	return err
}
