package trace

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	path := filepath.Join(t.TempDir(), "some.tr.gz")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadTakesKeysAndSizes(t *testing.T) {
	tr, err := Read(write(t, "# a header\n0 10\n1 20 60\n0 10\n\n2 5 0 g\n"))
	want := &Trace{Name: "some", Keys: []int32{0, 1, 0, 2}, Size: []int32{10, 20, 5}}
	if err != nil || !reflect.DeepEqual(tr, want) {
		t.Errorf("%+v, %v, want %+v", tr, err, want)
	}
}

func TestReadNamesTheBadLine(t *testing.T) {
	for text, want := range map[string]string{
		"0\n2\n": "line 2", "x\n": "line 1", "# h\n0 -1\n": "line 2", "0 1 1 d\n": "only gets",
	} {
		if _, err := Read(write(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error about %s", text, err, want)
		}
	}
}

// The median and the mean are those of the published distribution.
func TestSizesOfETC(t *testing.T) {
	sizes, err := ParseSizes("etc")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100_000
	sum, small := 0, 0
	for k := range int32(n) {
		s := sizes(k, 0)
		sum += int(s)
		if s <= 168 {
			small++
		}
	}
	if mean := sum / n; mean < 315 || mean > 335 || small < n*49/100 || small > n*51/100 {
		t.Errorf("a mean of %d, %d of %d up to 168 bytes", mean, small, n)
	}
	if double, err := ParseSizes("etc*2"); err != nil || double(7, 0) != 2*sizes(7, 0) {
		t.Errorf("etc*2: %v", err)
	}
	if fixed, err := ParseSizes("fixed:512"); err != nil || fixed(7, 1) != 512 {
		t.Errorf("fixed:512: %v", err)
	}
	for _, bad := range []string{"", "etc*0", "fixed:0", "fixed:x", "objects"} {
		if _, err := ParseSizes(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSyntheticIsTheSameInEveryRun(t *testing.T) {
	if a, b := Synthetic(20_000), Synthetic(20_000); !reflect.DeepEqual(a, b) || len(a.Keys) < 20_000 {
		t.Errorf("%d and %d requests", len(a.Keys), len(b.Keys))
	}
}
