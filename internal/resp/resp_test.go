package resp

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
)

func request(args ...string) []byte {
	b := redcon.AppendArray(nil, len(args))
	for _, a := range args {
		b = redcon.AppendBulkString(b, a)
	}
	return b
}

// feed gives data to a parser in two pieces, as a connection would, and returns
// the commands and the error that ends them.
func feed(data []byte, cut int) (commands [][]string, err error) {
	var p Parser
	var buf []byte
	for _, piece := range [][]byte{data[:cut], data[cut:]} {
		// The buffer moves each time, as a grown one would.
		buf = append(append([]byte(nil), buf...), piece...)
		for len(buf) > 0 {
			argv, n, e := p.Next(buf, nil, DefaultLimits)
			if e != nil {
				return commands, e
			}
			if n == 0 {
				break
			}
			if len(argv) > 0 {
				var c []string
				for _, a := range argv {
					c = append(c, string(a))
				}
				commands = append(commands, c)
			}
			buf = buf[n:]
		}
	}
	return commands, nil
}

func TestCommandsSurviveEverySplit(t *testing.T) {
	data := bytes.Join([][]byte{request("SET", "k", strings.Repeat("v", 120)), request("GET", ""), []byte("PING \"a b\"\r\n\r\n"), request("X", "\r\n$3\r\n", strings.Repeat("y", 12345))}, nil)
	want, err := feed(data, 0)
	if err != nil || len(want) != 4 {
		t.Fatalf("%d commands, %v", len(want), err)
	}
	for i := range len(data) {
		got, err := feed(data, i)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("split at %d: %q %v", i, got, err)
		}
	}
	if got, err := byteByByte(data); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("byte by byte: %q %v", got, err)
	}
}

func byteByByte(data []byte) (commands [][]string, err error) {
	var p Parser
	start := 0
	for end := 1; end <= len(data); end++ {
		argv, n, e := p.Next(data[start:end], nil, DefaultLimits)
		if e != nil {
			return commands, e
		}
		if n > 0 {
			start += n
			if len(argv) > 0 {
				var c []string
				for _, a := range argv {
					c = append(c, string(a))
				}
				commands = append(commands, c)
			}
		}
	}
	return commands, nil
}

func TestMalformedRequestsGetRedissErrors(t *testing.T) {
	for in, want := range map[string]string{
		"*1\r\n:1\r\n":                         "Protocol error: expected '$', got ':'",
		"*abc\r\n":                             "Protocol error: invalid multibulk length",
		"*2147483648\r\n":                      "Protocol error: invalid multibulk length",
		"*1\r\n$-9999\r\n":                     "Protocol error: invalid bulk length",
		"*1\r\n$4294967296\r\n":                "Protocol error: invalid bulk length",
		"*1\r\n$01\r\n":                        "Protocol error: invalid bulk length",
		"*1\r\n$\r\n":                          "Protocol error: invalid bulk length",
		"GET \"a\r\n":                          "Protocol error: unbalanced quotes in request",
		"GET \"a\"b\r\n":                       "Protocol error: unbalanced quotes in request",
		strings.Repeat("a", 70000):             "Protocol error: too big inline request",
		"*" + strings.Repeat("1", 70000):       "Protocol error: too big mbulk count string",
		"*1\r\n$" + strings.Repeat("1", 70000): "Protocol error: too big bulk count string",
	} {
		if _, err := feed([]byte(in), 0); err == nil || err.Error() != want {
			t.Errorf("%.30q: %v, want %s", in, err, want)
		}
	}
	for _, in := range []string{"*-1\r\n", "*0\r\n", "\r\n", "*1\r\n$4\r\n", "*3\r\n$3\r\nSET\r\n$1\r\n", "$"} {
		if c, err := feed([]byte(in), 0); err != nil || len(c) > 0 {
			t.Errorf("%q: %q %v", in, c, err)
		}
	}
}

func TestUnauthenticatedLimits(t *testing.T) {
	lim := Limits{BulkBytes: UnauthBulkBytes, Args: UnauthArgs}
	var p Parser
	if _, _, err := p.Next([]byte("*11\r\n"), nil, lim); err == nil || err.Error() != "Protocol error: unauthenticated multibulk length" {
		t.Error(err)
	}
	if _, _, err := p.Next([]byte("*1\r\n$16385\r\n"), nil, lim); err == nil || err.Error() != "Protocol error: unauthenticated bulk length" {
		t.Error(err)
	}
}

// What redcon's parser reads, this one reads alike.
func FuzzParserAgreesWithRedcon(f *testing.F) {
	f.Add(request("SET", "k", "v"), 5)
	f.Add([]byte("*1\r\n$-5\r\nhello\r\n"), 3)
	f.Add([]byte("*2\r\n$1\r\na\r\n"), 0)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		if cut < 0 || cut > len(data) {
			cut = 0
		}
		got, gotErr := feed(data, cut)
		if whole, err := feed(data, 0); gotErr == nil && err == nil && fmt.Sprint(whole) != fmt.Sprint(got) {
			t.Fatalf("whole %q, cut at %d %q", whole, cut, got)
		}
		if len(data) == 0 || data[0] != '*' || bytes.Contains(data, []byte("-")) || gotErr != nil {
			return
		}
		complete, args, _, _, err := redcon.ReadNextCommand(data, nil)
		if err != nil || !complete || len(args) == 0 {
			return
		}
		if len(got) == 0 {
			if bytes.ContainsAny(data, "+") || bytes.Contains(data, []byte("$0")) || bytes.Contains(data, []byte("*0")) {
				return // redcon takes signs and leading zeros
			}
			t.Fatalf("redcon read %q, this parser nothing", args)
		}
		if fmt.Sprintf("%q", got[0]) != fmt.Sprintf("%q", args) {
			t.Fatalf("%q, redcon %q", got[0], args)
		}
	})
}

func TestDoublesLookLikeRedis(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{{1, "1"}, {-0.5, "-0.5"}, {0.1, "0.1"}, {3.0e20, "3e+20"}, {1e100, "1e+100"}, {1e-7, "1e-7"},
		{1e17, "100000000000000000"}, {1 << 62, "4611686018427387904"}, {1<<62 + 1024, "4611686018427389000"}, {5e18, "5e+18"},
		{12345678901234567000, "12345678901234567000"}, {123456789.12345679, "1.2345678912345679e+8"}, {1234567.5, "1234567.5"},
		{1e-6, "0.000001"}, {1.2e-6, "1.2e-6"}, {-1e-5, "-0.00001"}, {0.012345678, "0.012345678"}, {1.2345e-4, "1.2345e-4"},
		{1e15 + 0.5, "1000000000000000.5"}, {5e-324, "5e-324"}, {-math.MaxFloat64, "-1.7976931348623157e+308"},
		{math.Inf(-1), "-inf"}, {math.NaN(), "nan"}} {
		if got := string(AppendDouble(nil, c.f)); got != c.want {
			t.Errorf("%v: %s, want %s", c.f, got, c.want)
		}
	}
}

func BenchmarkParser(b *testing.B) {
	data := request("SET", "key:000000012345", strings.Repeat("v", 64))
	b.Run("own", func(b *testing.B) {
		var p Parser
		args := make([][]byte, 0, 8)
		for b.Loop() {
			args, _, _ = p.Next(data, args, DefaultLimits)
		}
	})
	b.Run("redcon", func(b *testing.B) {
		args := make([][]byte, 0, 8)
		for b.Loop() {
			_, args, _, _, _ = redcon.ReadNextCommand(data, args)
		}
	})
}
