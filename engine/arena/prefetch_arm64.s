#include "textflag.h"

// func prefetch(a Addr)
TEXT ·prefetch(SB), NOSPLIT, $0-8
	MOVD a+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET
