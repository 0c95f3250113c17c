package glob

// Match reports whether pattern describes the whole of s. With nocase, ASCII
// letters match in either case. Work is bounded by len(pattern)*len(s).
//
// The empty string is matched by the empty pattern and by "*" alone: "**" and
// "a*" strip stars only after something was consumed, and clients see that.
func Match(pattern, s []byte, nocase bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0 || len(pattern) == 1 && pattern[0] == '*'
	}
	// Every element but * takes exactly one byte, so it is enough to come back
	// to the latest star: an earlier one could not reach a match this one cannot.
	p, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				p++
				star, from = p, i
				continue
			}
			if n, ok := element(pattern[p:], s[i], nocase); ok {
				p += n
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, i = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// element matches c with the element at the start of p, which is not a star, and
// returns the element's length.
func element(p []byte, c byte, nocase bool) (int, bool) {
	switch {
	case p[0] == '?':
		return 1, true
	case p[0] == '[':
		return class(p, c, nocase)
	case p[0] == '\\' && len(p) > 1:
		return 2, fold(p[1], nocase) == fold(c, nocase)
	}
	return 1, fold(p[0], nocase) == fold(c, nocase)
}

func class(p []byte, c byte, nocase bool) (int, bool) {
	c = fold(c, nocase)
	i := 1
	not := i < len(p) && p[i] == '^'
	if not {
		i++
	}
	in := false
	for i < len(p) {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			in = in || fold(p[i+1], nocase) == c
			i += 2
		case p[i] == ']':
			return i + 1, in != not
		case i+2 < len(p) && p[i+1] == '-':
			lo, hi := p[i], p[i+2]
			if lo > hi {
				lo, hi = hi, lo
			}
			in = in || fold(lo, nocase) <= c && c <= fold(hi, nocase)
			i += 3
		default:
			in = in || fold(p[i], nocase) == c
			i++
		}
	}
	return i, in != not
}

func fold(c byte, nocase bool) byte {
	if nocase && 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
