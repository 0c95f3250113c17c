package main

import (
	"bytes"
	"fmt"
	"math"
)

var colours = []string{"#000", "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#bcbd22", "#e377c2"}

// plot draws miss ratio over capacity, on a logarithmic scale, a panel for each
// trace.
func plot(jobs []*job, chosen []contender) []byte {
	const wide, high, left, top = 520, 260, 50, 30
	var panels [][]*job
	for _, j := range jobs {
		if n := len(panels); n > 0 && panels[n-1][0].trace == j.trace {
			panels[n-1] = append(panels[n-1], j)
		} else {
			panels = append(panels, []*job{j})
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n",
		left+wide+120, len(panels)*(high+60))
	for n, p := range panels {
		y0 := n*(high+60) + top
		low, up := math.Log(float64(p[0].room)), math.Log(float64(p[0].room))
		for _, j := range p {
			low, up = min(low, math.Log(float64(j.room))), max(up, math.Log(float64(j.room)))
		}
		x := func(room int64) float64 {
			return left + wide*(math.Log(float64(room))-low)/max(up-low, 1e-9)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s: miss ratio over capacity</text>`+"\n", left, y0-8, p[0].trace.Name)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#999"/>`+"\n", left, y0, wide, high)
		for i := 0; i <= 4; i++ {
			y := y0 + high - high*i/4
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%d%%</text>`+"\n", left-4, y+4, 25*i)
		}
		for i := 0; i < len(p); i += len(chosen) {
			fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle">%d</text>`+"\n", x(p[i].room), y0+high+14, p[i].room)
		}
		for c := range chosen {
			colour := colours[c%len(colours)]
			fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" points="`, colour)
			for i := c; i < len(p); i += len(chosen) {
				fmt.Fprintf(&b, "%.1f,%.1f ", x(p[i].room), float64(y0)+high*p[i].ratio)
			}
			fmt.Fprintf(&b, `"/><text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+wide+10, y0+14*(c+1), colour, chosen[c].name)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
