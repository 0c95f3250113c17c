// Package vfs is what the server needs of a file system, so that tests can give
// it one that fails.
package vfs
