// Package crc computes the checksums of Redis's formats.
package crc
