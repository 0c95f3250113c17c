package commands_test

import "testing"

func TestIncrExStaysInBounds(t *testing.T) {
	newLimitStage(t).play(`
		0   | INCREX n                              | 1 1
		0   | INCREX n BYINT 5 UBOUND 10 EX 60      | 6 5
		100 | PTTL n                                | 59900
		0   | INCREX n BYINT 5 UBOUND 10 EX 600     | 6 0
		0   | PTTL n                                | 59900
		0   | INCREX n BYINT 5 UBOUND 10 SATURATE   | 10 4
		0   | INCREX n BYINT -50 LBOUND 2 SATURATE  | 2 -8
		0   | INCREX n BYINT -1 LBOUND 2            | 2 0
		0   | INCREX n BYINT 0 UBOUND 1 SATURATE    | 1 -1
		0   | PTTL n                                | 59900
		0   | INCREX n EX 600 ENX                   | 2 1
		0   | PTTL n                                | 59900
		0   | INCREX n PERSIST                      | 3 1
		0   | PTTL n                                | -1
		0   | INCREX n PX 500 ENX                   | 4 1
		0   | PTTL n                                | 500
		0   | INCREX new UBOUND 0                   | 0 0
		0   | EXISTS new                            | 0
		0   | INCREX new XX                         | -
		0   | INCREX new NX                         | 1 1
		0   | INCREX new NX                         | -
		0   | INCREX new XX                         | 2 1
		0   | SET max 9223372036854775807           | OK
		0   | INCREX max                            | 9223372036854775807 0
		0   | INCREX max SATURATE                   | 9223372036854775807 0
		0   | INCREX max BYINT -9223372036854775807 | 0 -9223372036854775807
		0   | SET max 9223372036854775807           | OK
		0   | INCREX max LBOUND -9 UBOUND -8 SATURATE | ERR the applied increment does not fit into a 64-bit integer
		0   | GET max                               | 9223372036854775807
		0   | INCREX f BYFLOAT 1.5                  | 1.5 1.5
		0   | INCREX f BYFLOAT 10 UBOUND 3.25       | 1.5 0
		0   | INCREX f BYFLOAT 10 UBOUND 3.25 SATURATE | 3.25 1.75
		0   | INCREX f BYFLOAT -10 LBOUND 0.25 SATURATE EX 9 | 0.25 -3
		0   | TTL f                                 | 9
		0   | INCREX f BYINT 1                      | ERR value is not an integer or out of range
		0   | INCREX f                              | ERR value is not an integer or out of range
		0   | INCREX f BYFLOAT x                    | ERR value is not a valid float
		0   | INCREX f BYFLOAT inf                  | ERR increment would produce NaN or Infinity
		0   | INCREX f BYFLOAT                      | ERR syntax error
		0   | INCREX n LBOUND                       | ERR syntax error
		0   | INCREX n ENX                          | ERR ENX flag requires an expiration
		0   | INCREX n ENX PERSIST                  | ERR syntax error
		0   | INCREX n EX 5 PX 5                    | ERR syntax error
		0   | INCREX n NX XX                        | ERR syntax error
		0   | INCREX n EX 0                         | ERR invalid expire time in 'increx' command
		0   | INCREX n LBOUND 2 UBOUND 1            | ERR LBOUND must not be greater than UBOUND
		0   | INCREX n BYINT 1 BYFLOAT 1            | ERR syntax error
		0   | INCREX n WHAT                         | ERR syntax error
		0   | RPUSH l 1                             | 1
		0   | INCREX l                              | WRONGTYPE Operation against a key holding the wrong kind of value
		0   | INCREX n PXAT 1                       | 5 1
		0   | EXISTS n                              | 0
	`)
}
