// Package limit is the arithmetic of rate limits, without keys, clocks and replies: time is
// passed in, as Unix milliseconds, and the state of a limiter is bytes that it reads and
// writes.
//
// A Limiter has one or several policies, which decide together: a request is granted by all
// of them or by none. All arithmetic is in integers and exact; no policy ever grants more
// than its definition says, however small the steps of time are. Products are 128 bits wide,
// so limits up to MaxLimit and windows up to MaxWindowMS need no other care.
//
// What a policy has counted is kept as what was used, not as what is left, so that another
// limit given with the next call is right at once.
//
// Throttle is another arithmetic, in nanoseconds and rounded as the module redis-cell does,
// for CL.THROTTLE.
package limit
