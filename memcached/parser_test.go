package memcached

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cached/internal/resp"
)

var limits = resp.Limits{BulkBytes: 2000, Args: 1000}

// requests parses data as it comes in pieces of so many bytes, 0 for all at once.
func requests(t *testing.T, data []byte, piece int) (all []string, err error) {
	t.Helper()
	p := &Parser{}
	var in []byte
	for from := 0; from < len(data) || piece == 0; {
		next := len(data)
		if piece > 0 {
			next = min(from+piece, next)
		}
		in, from = append(in, data[from:next]...), next
		for len(in) > 0 {
			argv, n, err := p.Next(in, nil, limits)
			if err != nil {
				return all, err
			}
			if n < 0 || n > len(in) {
				t.Fatalf("%q: %d bytes of %d were taken", in, n, len(in))
			}
			if n == 0 {
				if need := p.Need(in); need != 0 && need <= len(in) {
					t.Fatalf("%q: it needs %d bytes and has %d", in, need, len(in))
				}
				break
			}
			if len(argv) > 0 {
				all = append(all, fmt.Sprintf("%q", argv))
			}
			in = append([]byte(nil), in[n:]...)
		}
		if piece == 0 {
			break
		}
	}
	return all, nil
}

func TestRequests(t *testing.T) {
	for in, want := range map[string]string{
		"get a\r\n":                              `["get" "a"]`,
		"gets a b\r\n":                           `["mgets" "a" "b"]`,
		"set a 1 2 3\r\nx y\r\n":                 `["set" "a" "1" "2" "" "x y"]`,
		"cas a 1 2 0 9 noreply\r\n\r\n":          `["cas" "a" "1" "2" "noreply" "" "9"]`,
		"set a 0 0 1 noreply\r\nxyz":             ``,
		"set a 0 0 1990\r\nget b\r\nversion\r\n": `["toolarge" "a" ""]`,
		"delete a\r\ndelete a noreply\r\n":       `["delete" "a" ""]["delete" "a" "noreply"]`,
		"delete noreply\r\n":                     `["delete" "noreply" ""]`,
		"flush_all 5 noreply\n":                  `["flush_all" "5" "noreply"]`,
		"foo\r\n":                                `["malformed" "ERROR"]`,
		"quit now\r\n":                           `["quit"]`,
	} {
		for _, piece := range []int{0, 1, 7} {
			got, err := requests(t, []byte(in), piece)
			if err != nil || strings.Join(got, "") != want {
				t.Errorf("%q in pieces of %d: %s, %v; want %s", in, piece, got, err, want)
			}
		}
	}
	if _, err := requests(t, bytes.Repeat([]byte("x"), 3000), 0); !errors.Is(err, errLine) {
		t.Errorf("a line without end: %v", err)
	}
	if got, err := requests(t, append([]byte("get"), bytes.Repeat([]byte(" k"), 30000)...), 0); err != nil || got != nil {
		t.Errorf("a long get: %v, %v", got, err)
	}
	if _, err := requests(t, []byte("\x80\x00\x00\x01"), 1); !errors.Is(err, errLine) {
		t.Errorf("the binary protocol: %v", err)
	}
}

// Requests that were not run come again, and with them the rest of a value that is dropped.
func TestRewind(t *testing.T) {
	value := strings.Repeat("get x\r\n", 1000)
	in := []byte(fmt.Sprintf("get a\r\nset b 0 0 %d\r\n%s\r\nget c\r\n", len(value), value))
	p := &Parser{}
	parse := func(data []byte) (string, int) {
		argv, n, err := p.Next(data, nil, limits)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q", argv), n
	}
	_, first := parse(in)
	for range 3 {
		set, n := parse(in[first:])
		dropped, m := parse(in[first+n:][:500])
		if set != `["toolarge" "b" ""]` || dropped != "[]" || m != 500 {
			t.Fatal(set, dropped, m)
		}
		p.Rewind(n + m)
	}
	at := first
	var last string
	for at < len(in) {
		var n int
		if last, n = parse(in[at:]); n == 0 {
			t.Fatal("stuck")
		}
		at += n
	}
	if last != `["get" "c"]` {
		t.Error(last)
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0 true 0 true", "+7": "7 true 7 true", "-1": "0 false -1 true", "7x": "0 false 0 false", "": "0 false 0 false",
		"-": "0 false 0 false", "18446744073709551615": "18446744073709551615 true 0 false",
		"18446744073709551616": "0 false 0 false", "4294967297": "4294967297 true 1 true", " 5 x": "5 true 5 true", "-0": "0 true 0 true",
	} {
		u, uOK := parseUint64([]byte(in))
		i, iOK := parseInt32([]byte(in))
		if got := fmt.Sprint(u, uOK, i, iOK); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// However the bytes arrive, the requests are the same.
func FuzzParser(f *testing.F) {
	for _, s := range []string{"get a b\r\nset a 1 2 3\r\nabc\r\n", "set a 0 0 5000\r\nxxx\r\nget a\r\n", "cas a 0 0 1 1 noreply\r\nx\r\n",
		"gat 1 a\r\n\r\nincr a 1 noreply\ndelete a 0\r\nflush_all -1\r\nverbosity 1\r\n", "set a 0 0 2\r\nabc\r\n", "touch a\x00 5\r\n"} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		whole, err1 := requests(t, data, 0)
		parts, err2 := requests(t, data, 1+int(uint(piece)%64))
		if err1 != nil || err2 != nil {
			return // whether a line is too long depends on how much of it there is
		}
		if fmt.Sprint(whole) != fmt.Sprint(parts) {
			t.Errorf("%q\nat once   %s\nin pieces %s", data, whole, parts)
		}
		for _, w := range whole {
			if w == "[]" {
				t.Error("a request without words")
			}
		}
	})
}
