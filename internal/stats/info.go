package stats

import (
	"strconv"
	"strings"
)

// Info is the Sink that renders sections as the reply of the INFO command. Its zero value is empty.
type Info struct{ b []byte }

// Section renders a section, after an empty line if it is not the first.
func (w *Info) Section(s Section) {
	if len(w.b) > 0 {
		w.b = append(w.b, "\r\n"...)
	}
	w.b = append(append(append(w.b, "# "...), s.Title...), "\r\n"...)
	s.Collect(w)
}

// String is the text so far.
func (w *Info) String() string { return string(w.b) }

// Sample writes a line, or two if the sample is of bytes and for people.
func (w *Info) Sample(s Sample) {
	w.b = append(append(w.b, s.Name...), ':')
	w.value(s)
	w.b = append(w.b, "\r\n"...)
	if s.Human && s.Unit == Bytes {
		w.b = append(append(append(append(w.b, s.Name...), "_human:"...), HumanBytes(s.Value.Int())...), "\r\n"...)
	}
}

// Row writes the samples of a row in one line.
func (w *Info) Row(r Row, samples []Sample) {
	w.b = append(append(w.b, r.Name...), ':')
	for i, s := range samples {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(append(w.b, s.Name...), '=')
		w.value(s)
	}
	w.b = append(w.b, "\r\n"...)
}

func (w *Info) value(s Sample) {
	v := s.Value
	switch v.typ {
	case TypeInt:
		w.b = strconv.AppendInt(w.b, v.n, 10)
	case TypeFloat:
		w.b = strconv.AppendFloat(w.b, v.f, 'f', s.Digits, 64)
	case TypeText:
		w.b = append(w.b, v.text...)
	case TypeDuration:
		if s.Digits == 0 {
			w.b = strconv.AppendInt(w.b, v.n/int64(s.Unit.length()), 10)
		} else {
			w.b = strconv.AppendFloat(w.b, float64(v.n)/float64(s.Unit.length()), 'f', s.Digits, 64)
		}
	}
	if s.Human && s.Unit == Percent {
		w.b = append(w.b, '%')
	}
}

// HumanBytes is a number of bytes with a letter for its magnitude: 1.50K.
func HumanBytes(n int64) string {
	const letters = "KMGT"
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + "B"
	}
	f, i := float64(n)/(1<<10), 0
	for limit := int64(1 << 20); i < len(letters)-1 && n >= limit; limit <<= 10 {
		f, i = f/(1<<10), i+1
	}
	return strconv.FormatFloat(f, 'f', 2, 64) + letters[i:i+1]
}

// Quote escapes a text from outside for a value in a row of INFO: the result has no commas, equals signs, line
// ends and bytes that are not ASCII.
func Quote(text string) string {
	quoted := strconv.QuoteToASCII(text)
	return strings.NewReplacer(",", `\x2c`, "=", `\x3d`).Replace(quoted[1 : len(quoted)-1])
}

// Placed returns the sections with further ones among them: in the place of one of the same name, behind the one
// that After names, or at the end.
func Placed(sections []Section, further ...Section) []Section {
	for _, f := range further {
		at := len(sections)
		for i, s := range sections {
			if s.Name == f.Name {
				sections[i] = f
				at = -1
				break
			}
			if s.Name == f.After {
				at = i + 1
			}
		}
		if at >= 0 {
			sections = append(sections[:at:at], append([]Section{f}, sections[at:]...)...)
		}
	}
	return sections
}
