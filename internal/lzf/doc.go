// Package lzf packs bytes in LZF, the format of compressed strings in Redis's
// files.
//
// A packed string is a sequence of literals and references. A control byte below
// 32 is followed by that many bytes, plus one, to copy. In others the upper three
// bits are a length less two, 7 saying that the next byte is to be added to it,
// and the lower five with the byte that follows the distance, less one, back to
// where the same bytes were.
package lzf
