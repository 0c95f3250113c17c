package rdb

import (
	"errors"
	"fmt"

	"cached/engine/value"
)

// Version is the latest version of the format, and the latest that is read. BaseVersion is written unless a value
// needs the latest.
const (
	Version     = 12
	BaseVersion = 10
)

// Types of values as the format numbers them.
const (
	typeString         = 0
	typeList           = 1
	typeSet            = 2
	typeZSetText       = 3 // scores in decimal
	typeHash           = 4
	typeZSet           = 5
	typeModuleOld      = 6
	typeModule         = 7
	typeHashZipmap     = 9
	typeListZiplist    = 10
	typeSetInts        = 11
	typeZSetZiplist    = 12
	typeHashZiplist    = 13
	typeQuicklistOld   = 14 // of ziplists
	typeStream         = 15
	typeHashListpack   = 16
	typeZSetListpack   = 17
	typeQuicklist      = 18
	typeStream2        = 19
	typeSetListpack    = 20
	typeStream3        = 21
	typeHashTTLOld     = 22 // of release candidates of 7.4: deadlines are absolute
	typeHashPackTTLOld = 23
	typeHashTTL        = 24
	typeHashPackTTL    = 25
	numTypes           = 26
)

// Opcodes, which are in the place of a type.
const (
	opSlotInfo     = 244
	opFunction     = 245
	opFunctionOld  = 246
	opModuleAux    = 247
	opIdle         = 248
	opFreq         = 249
	opAux          = 250
	opResize       = 251
	opExpireMS     = 252
	opExpire       = 253
	opSelect       = 254
	opEnd          = 255
	quicklistPlain = 1 // a node that is one element
	quicklistPack  = 2
)

// Special values: the six low bits of a length whose high bits are 11.
const (
	encInt8  = 0
	encInt16 = 1
	encInt32 = 2
	encLZF   = 3
)

// A form is the layout of the values of a type: s is a string, l a length, o a score
// in decimal, d eight bytes, i sixteen, and a part in parentheses is repeated as often
// as the length in front of it says.
type form struct {
	layout string
	kind   value.Type
	pieces bool // may be cut between elements of the first parentheses
}

var forms = [numTypes]form{
	typeString:         {"s", value.String, false},
	typeList:           {"(s)", value.List, true},
	typeSet:            {"(s)", value.Set, true},
	typeZSetText:       {"(so)", value.ZSet, true},
	typeHash:           {"(ss)", value.Hash, true},
	typeZSet:           {"(sd)", value.ZSet, true},
	typeHashZipmap:     {"s", value.Hash, false},
	typeListZiplist:    {"s", value.List, false},
	typeSetInts:        {"s", value.Set, false},
	typeZSetZiplist:    {"s", value.ZSet, false},
	typeHashZiplist:    {"s", value.Hash, false},
	typeQuicklistOld:   {"(s)", value.List, true},
	typeStream:         {"(ss)lll(sll(idl)(sd(i)))", value.Stream, true},
	typeHashListpack:   {"s", value.Hash, false},
	typeZSetListpack:   {"s", value.ZSet, false},
	typeQuicklist:      {"(ls)", value.List, true},
	typeStream2:        {"(ss)llllllll(slll(idl)(sd(i)))", value.Stream, true},
	typeSetListpack:    {"s", value.Set, false},
	typeStream3:        {"(ss)llllllll(slll(idl)(sdd(i)))", value.Stream, true},
	typeHashTTLOld:     {"(lss)", value.Hash, true},
	typeHashPackTTLOld: {"s", value.Hash, false},
	typeHashTTL:        {"d(lss)", value.Hash, true},
	typeHashPackTTL:    {"ds", value.Hash, false},
}

// A FormatError is an error in the input, with its place.
type FormatError struct {
	Offset int64
	What   string
}

func (e *FormatError) Error() string { return fmt.Sprintf("at offset %d: %s", e.Offset, e.What) }

// ErrEmpty: a collection has no elements. Redis skips such keys of a file.
var ErrEmpty = errors.New("a collection without elements")

// moduleName is the name of the module a type of which has this number.
func moduleName(id uint64) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	name := make([]byte, 9)
	for i := range name {
		name[i] = letters[id>>(58-6*i)&63]
	}
	return string(name)
}
