package server

import (
	"sync/atomic"

	"cached/internal/acl"
)

// Users says who may log in and what each may do.
type Users struct {
	*Road

	accounts   *accounts
	narrowed   func(me *client, a *account) // closes clients that listen to what a's user may not
	deniedAuth atomic.Int64
	deniedACL  [acl.DeniedChannel + 1]atomic.Int64
}

// newUsers returns the users of the road's table: at first the default one alone.
// narrowed closes the clients of an account that have subscriptions which its user may not
// have any more; me is the client whose command changed that.
func newUsers(r *Road, narrowed func(me *client, a *account)) *Users {
	us := &Users{Road: r, accounts: newAccounts(), narrowed: narrowed}
	r.std = us.accounts.std
	return us
}
