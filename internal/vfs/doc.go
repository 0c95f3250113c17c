// Package vfs is the file system as the server uses it, so that tests can replace it by one that fails.
package vfs
