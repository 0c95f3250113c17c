package lua

import "testing"

// A script of a line took 17 KB, and was said to take half of one.
func TestAProgramKeepsNoRoomForMore(t *testing.T) {
	p, err := Compile("local f = function() return 1 end return f()", func([][]byte, bool) ([]int, bool, bool) { return nil, false, false })
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(p.proto.FunctionPrototypes, p.proto) {
		if n := cap(f.Code) + cap(f.DbgSourcePositions) + cap(f.Constants); n > 100 {
			t.Errorf("room for %d instructions, lines and constants", n)
		}
	}
	if n := p.Size(); n < 1000 || n > 5000 {
		t.Errorf("a size of %d", n)
	}
}
