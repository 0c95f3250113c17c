package stats

import "time"

// A Section is one part of a report.
type Section struct {
	Name  string // by which INFO's argument selects it, in lower case
	Title string // above its lines
	Shown Shown
	// After is the name of the section that this one follows, when it is added to those of another subsystem;
	// "" puts it at the end.
	After string
	// Collect passes the samples to the sink. It does not keep the sink.
	Collect func(Sink)
	// Reset sets the counters to zero, as CONFIG RESETSTAT asks; nil if the section has none of its own.
	Reset func()
}

// Shown says which reports have a section, other than those that name it.
type Shown uint8

const (
	ByDefault    Shown = iota // in every report: INFO, INFO all and INFO everything
	InAll                     // not in plain INFO
	InEverything              // in plain INFO and INFO everything, not in INFO all
)

// A Sink takes the samples of a section, in order.
type Sink interface {
	// Sample takes a sample that stands alone.
	Sample(Sample)
	// Row takes the samples of one thing among several of its kind. The sink does not keep the slice.
	Row(Row, []Sample)
}

// A Row names one thing among several of its kind: a command, a database.
type Row struct {
	// Family is the name of the kind: "cmdstat". A rendering without rows names a sample "cmdstat_calls", or
	// by the family alone if the sample has a label of its own.
	Family string
	// Name is that of the row in INFO: "cmdstat_get".
	Name string
	// Labels distinguish the rows of a family: command=get. No two rows of a family have the same.
	Labels []Label
}

// A Label is a name and a value that distinguishes samples of the same name. The value may be any bytes.
type Label struct{ Name, Value string }

// A Kind says how a value changes in time.
type Kind uint8

const (
	KindGauge   Kind = iota // increases and decreases
	KindCounter             // only grows, from the start of the process or the last Reset
	KindState               // a text
	// KindPlain is a field of INFO that clients look for but that has no meaning here, or repeats another sample
	// or a label. Other renderings leave it out.
	KindPlain
)

// A Unit is the unit of a number; "" is for numbers of things. A duration is a time.Duration whatever its unit,
// which is the one of INFO.
type Unit string

const (
	Bytes              Unit = "bytes"
	KilobytesPerSecond Unit = "kilobytes per second"
	PerSecond          Unit = "per second"
	Percent            Unit = "percent" // 100 is all
	Ratio              Unit = "ratio"
	UnixSeconds        Unit = "unix seconds"
	UnixMicroseconds   Unit = "unix microseconds"
	Seconds            Unit = "seconds"
	Milliseconds       Unit = "milliseconds"
	Microseconds       Unit = "microseconds"
)

// length is the duration of one unit of time.
func (u Unit) length() time.Duration {
	switch u {
	case Milliseconds:
		return time.Millisecond
	case Microseconds:
		return time.Microsecond
	}
	return time.Second
}

// A Sample is one value, at the time of the report.
type Sample struct {
	Name  string // in INFO; inside a row it is unique only in the row
	Kind  Kind
	Value Value
	Unit  Unit
	Help  string // one line without a full stop; "" if plain
	// Label distinguishes the samples of a row that are the same quantity: quantile=0.99. Most have none.
	Label Label
	// Digits are those that INFO writes after the decimal point of a float or a duration.
	Digits int
	// Human has INFO write the value for people: bytes once more with a letter for their magnitude, percent with
	// their sign.
	Human bool
}

// A Type is that of a Value.
type Type uint8

const (
	TypeInt Type = iota
	TypeFloat
	TypeText
	TypeDuration
)

// A Value is a number, a text or a duration.
type Value struct {
	typ  Type
	n    int64 // of a TypeDuration: nanoseconds
	f    float64
	text string
}

// Type is the type of the value; one of the methods below returns it.
func (v Value) Type() Type { return v.typ }

// Int is the value of a TypeInt.
func (v Value) Int() int64 { return v.n }

// Float is the value of a TypeFloat.
func (v Value) Float() float64 { return v.f }

// Text is the value of a TypeText.
func (v Value) Text() string { return v.text }

// Duration is the value of a TypeDuration.
func (v Value) Duration() time.Duration { return time.Duration(v.n) }

// An Integer is a type that counts are of.
type Integer interface {
	~int | ~int32 | ~int64 | ~uint64
}

// Counter is a sample that counts since the start.
func Counter[N Integer](name string, n N, help string) Sample {
	return Sample{Name: name, Kind: KindCounter, Value: Value{n: int64(n)}, Help: help}
}

// Gauge is a sample of a number that may increase and decrease.
func Gauge[N Integer](name string, n N, help string) Sample {
	return Sample{Name: name, Value: Value{n: int64(n)}, Help: help}
}

// Flag is a gauge that is 1 if on, otherwise 0.
func Flag(name string, on bool, help string) Sample {
	s := Sample{Name: name, Help: help}
	if on {
		s.Value.n = 1
	}
	return s
}

// Float is a gauge of which INFO writes some digits after the decimal point.
func Float(name string, f float64, digits int, help string) Sample {
	return Sample{Name: name, Value: Value{typ: TypeFloat, f: f}, Digits: digits, Help: help}
}

// Time is a gauge of a duration, in a unit of time.
func Time(name string, d time.Duration, unit Unit, help string) Sample {
	return Sample{Name: name, Value: Value{typ: TypeDuration, n: int64(d)}, Unit: unit, Help: help}
}

// TotalTime is a counter of a duration, in a unit of time.
func TotalTime(name string, d time.Duration, unit Unit, help string) Sample {
	s := Time(name, d, unit, help)
	s.Kind = KindCounter
	return s
}

// State is a sample of a text.
func State(name, text, help string) Sample {
	return Sample{Name: name, Kind: KindState, Value: Value{typ: TypeText, text: text}, Help: help}
}

// Plain is a number that only INFO shows.
func Plain[N Integer](name string, n N) Sample {
	return Sample{Name: name, Kind: KindPlain, Value: Value{n: int64(n)}}
}

// PlainText is a text that only INFO shows.
func PlainText(name, text string) Sample {
	return Sample{Name: name, Kind: KindPlain, Value: Value{typ: TypeText, text: text}}
}

// In returns the sample with a unit.
func (s Sample) In(unit Unit) Sample { s.Unit = unit; return s }

// WithDigits returns the sample with n digits after the decimal point in INFO.
func (s Sample) WithDigits(n int) Sample { s.Digits = n; return s }

// ForPeople returns the sample with Human set.
func (s Sample) ForPeople() Sample { s.Human = true; return s }

// OnlyInfo returns the sample as one that only INFO shows.
func (s Sample) OnlyInfo() Sample { s.Kind, s.Help = KindPlain, ""; return s }

// Quotient is a divided by b, or 0 if b is 0.
func Quotient(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
