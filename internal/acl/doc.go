// Package acl says which commands, keys and channels a user may use.
//
// A User is a value that does not change: Apply makes a new one from rules as
// ACL SETUSER takes them ("on", ">password", "~key:*", "+@read", "-get"). The
// permissions of a user are a list of selectors, the first of them the user's own; a
// command is allowed if one selector allows all of it. Commands are numbers and
// categories are sets of them, which the caller's Catalog defines.
//
// Passwords are kept as their SHA-256 and compared in constant time.
//
// The package has no goroutines and no locks: users that are shared are never changed,
// but replaced.
package acl
