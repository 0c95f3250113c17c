package script

import (
	"bytes"
	"sort"
	"strings"
)

// Matches reports whether a rendered reply is the expected one.
func (st Step) Matches(got string) bool {
	switch {
	case st.Loose:
		return class(st.Want) == class(got)
	case st.Unordered:
		return sortedText(st.Want) == sortedText(got)
	}
	return st.Want == got
}

// Same reports whether two servers' replies to the step are the same on the wire, as far as the step compares
// them.
func (st Step) Same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	switch {
	case st.Loose:
		return class(RenderRaw(a)) == class(RenderRaw(b))
	case st.Unordered:
		return len(a) == len(b) && sortedText(RenderRaw(a)) == sortedText(RenderRaw(b)) && a[0] == b[0]
	}
	return false
}

// class is the type of a rendered reply. Empty and full collections are of one
// class, and so are the two ways a string can be sent.
func class(text string) string {
	switch {
	case strings.HasPrefix(text, "(error)"):
		return "error"
	case strings.HasPrefix(text, "(integer)"):
		return "integer"
	case strings.HasPrefix(text, "(double)"):
		return "double"
	case strings.HasPrefix(text, "(nil)"):
		return "nil"
	case strings.HasPrefix(text, "(true)"), strings.HasPrefix(text, "(false)"):
		return "boolean"
	case strings.HasPrefix(text, "(empty "):
		return strings.TrimSuffix(strings.TrimPrefix(text, "(empty "), ")")
	case strings.HasPrefix(text, `"`):
		return "bulk"
	}
	switch mark, _ := firstMark(text); mark {
	case ')':
		return "array"
	case '#':
		return "hash"
	case '~':
		return "set"
	}
	return "status"
}

// firstMark finds the mark behind the first index of a rendered collection.
func firstMark(text string) (mark byte, at int) {
	i := 0
	for i < len(text) && text[i] == ' ' {
		i++
	}
	digits := i
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	if i == digits || i+1 >= len(text) || text[i+1] != ' ' {
		return 0, 0
	}
	return text[i], i
}

// sortedText sorts the elements of a rendered collection, at every depth: SCAN
// has its keys in the second element of its reply. Indexes go away.
func sortedText(text string) string {
	mark, at := firstMark(text)
	if mark != ')' && mark != '~' && mark != '#' {
		return text
	}
	indent := strings.Repeat(" ", at+2)
	var elems []string
	for _, line := range strings.Split(text, "\n") {
		if len(line) > at+1 && line[at] == mark && line[at-1] >= '0' && line[at-1] <= '9' {
			elems = append(elems, line[at+2:])
		} else if n := len(elems); n > 0 {
			elems[n-1] += "\n" + strings.TrimPrefix(line, indent)
		}
	}
	for i := range elems {
		elems[i] = sortedText(elems[i])
	}
	sort.Strings(elems)
	return string(mark) + strings.Join(elems, "\n")
}
