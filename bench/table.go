package main

import (
	"fmt"
	"slices"
	"strings"
)

// A table is printed as Markdown with aligned columns.
type table struct {
	rows [][]string // the first is the head
}

func newTable(head ...string) *table { return &table{rows: [][]string{head}} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) String() string {
	width := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	var b strings.Builder
	for n, row := range t.rows {
		for i, c := range row {
			fmt.Fprintf(&b, "| %s%s ", c, strings.Repeat(" ", width[i]-len([]rune(c))))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

func (b *bench) section(title string, t *table, notes ...string) {
	b.printf("\n### %s\n\n", title)
	for _, n := range notes {
		b.printf("%s\n\n", n)
	}
	b.printf("%s", t)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n == 0 {
		return 0
	} else if n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func ratio(a, base float64) string {
	if base == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2fx", a/base)
}

func oneDigit(v float64) string { return fmt.Sprintf("%.1f", v) }

func twoDigits(v float64) string { return fmt.Sprintf("%.2f", v) }
