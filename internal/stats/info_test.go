package stats

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestInfoWritesEachTypeInItsForm(t *testing.T) {
	var w Info
	w.Section(Section{Title: "First", Collect: func(to Sink) {
		to.Sample(Counter("calls", uint64(7), "Calls"))
		to.Sample(Gauge("none", -1, "Less than nothing"))
		to.Sample(Flag("on", true, "Whether it is on"))
		to.Sample(Flag("off", false, "Whether it is off"))
		to.Sample(Gauge("memory", 1536, "Memory").In(Bytes).ForPeople())
		to.Sample(Gauge("buffer", 1536, "Buffer").In(Bytes))
		to.Sample(Float("part", 12.345, 2, "Part").In(Percent).ForPeople())
		to.Sample(Float("rate", 2, 4, "Rate").In(Percent))
		to.Sample(State("role", "master", "Role"))
		to.Sample(PlainText("id", ""))
		to.Sample(Time("seconds", 1999*time.Millisecond, Seconds, "Time"))
		to.Sample(TotalTime("ms", 1999*time.Microsecond, Milliseconds, "Time"))
		to.Sample(Time("us", 1999*time.Nanosecond, Microseconds, "Time").WithDigits(3))
	}})
	w.Section(Section{Title: "Second", Collect: func(to Sink) {
		to.Row(Row{Name: "db0"}, []Sample{Gauge("keys", 1, "Keys"), Time("ttl", time.Second, Milliseconds, "Time").OnlyInfo()})
		to.Row(Row{Name: "db1"}, nil)
	}})
	want := "# First\ncalls:7\nnone:-1\non:1\noff:0\nmemory:1536\nmemory_human:1.50K\nbuffer:1536\npart:12.35%\nrate:2.0000\n" +
		"role:master\nid:\nseconds:1\nms:1\nus:1.999\n\n# Second\ndb0:keys=1,ttl=1000\ndb1:\n"
	if got := strings.ReplaceAll(w.String(), "\r\n", "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestBytesForPeopleChangeTheirLetterAtPowersOf1024(t *testing.T) {
	for n, want := range map[int64]string{-5: "-5B", 0: "0B", 1023: "1023B", 1024: "1.00K", 1<<20 - 1: "1024.00K", 1 << 20: "1.00M",
		1<<30 - 1: "1024.00M", 1 << 30: "1.00G", 1 << 40: "1.00T", 5 << 50: "5120.00T"} {
		if got := HumanBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestSectionsTakeTheirPlaces(t *testing.T) {
	names := func(sections []Section) (all []string) {
		for _, s := range sections {
			all = append(all, s.Name+s.Title)
		}
		return all
	}
	own := func() []Section { return []Section{{Name: "a"}, {Name: "b"}, {Name: "c"}} }
	for _, c := range []struct {
		further Section
		want    []string
	}{
		{Section{Name: "b", Title: "new", After: "c"}, []string{"a", "bnew", "c"}},
		{Section{Name: "x", After: "a"}, []string{"a", "x", "b", "c"}},
		{Section{Name: "x", After: "c"}, []string{"a", "b", "c", "x"}},
		{Section{Name: "x", After: "nosuch"}, []string{"a", "b", "c", "x"}},
		{Section{Name: "x"}, []string{"a", "b", "c", "x"}},
	} {
		if got := names(Placed(own(), c.further)); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.further, got, c.want)
		}
	}
	if got := names(Placed(own(), Section{Name: "x", After: "a"}, Section{Name: "y", After: "x"})); fmt.Sprint(got) != "[a x y b c]" {
		t.Error(got)
	}
}

// A prefix of keys is any bytes, and INFO's readers split lines at ends of lines, commas and equals signs.
func TestQuotedTextHasNothingThatEndsAValue(t *testing.T) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	for _, c := range []byte(Quote(string(all))) {
		if c < ' ' || c > '~' || c == ',' || c == '=' {
			t.Errorf("there is a %q", c)
		}
	}
	if got := Quote("user:1"); got != "user:1" {
		t.Error(got)
	}
}
