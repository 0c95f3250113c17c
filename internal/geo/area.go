package geo

import "math"

// An Area is a circle, or a box with sides to the north, around a point. Its lengths are in meters.
type Area struct {
	Center        Point
	Radius        float64 // of a circle
	Width, Height float64 // of a box
	Box           bool
}

// Contains reports whether a point lies in the area, and how far it is from the
// center.
func (a *Area) Contains(p Point) (meters float64, ok bool) {
	if a.Box {
		if latDistance(p.Lat, a.Center.Lat) > a.Height/2 || Distance(p, Point{a.Center.Lon, p.Lat}) > a.Width/2 {
			return 0, false
		}
		return Distance(a.Center, p), true
	}
	d := Distance(a.Center, p)
	return d, d <= a.Radius
}

// bounds is a box in degrees around the area. Parallels are shorter near the
// poles: the box is as wide as the area is on the one that is nearest to a pole
// in the north, or farthest from it.
func (a *Area) bounds() box {
	height, width := a.Radius, a.Radius
	if a.Box {
		height, width = a.Height/2, a.Width/2
	}
	lat := height / earthMeters / radian
	top := width / earthMeters / math.Cos((a.Center.Lat+lat)*radian) / radian
	bottom := width / earthMeters / math.Cos((a.Center.Lat-lat)*radian) / radian
	lon := top
	if a.Center.Lat < 0 {
		lon = bottom
	}
	return box{minLon: a.Center.Lon - lon, maxLon: a.Center.Lon + lon, minLat: a.Center.Lat - lat, maxLat: a.Center.Lat + lat}
}

// A Range is the numbers from Min to just below Max.
type Range struct{ Min, Max uint64 }

// A cell is a geohash of fewer bits.
type cell struct {
	bits  uint64
	steps uint
	there bool
}

func (c cell) rng() Range {
	shift := 2 * (steps - c.steps)
	return Range{c.bits << shift, (c.bits + 1) << shift}
}

// neighbour is the cell that many cells to the east and to the north, around the earth at the edges. A coordinate
// that is the very maximum has a cell beyond the edge, which stays the same if there is no step to the side.
func (c cell) neighbour(east, north int) cell {
	mask := uint32(1)<<c.steps - 1
	lat, lon := squeeze(c.bits), squeeze(c.bits>>1)
	if north != 0 {
		lat = (lat + uint32(north)) & mask
	}
	if east != 0 {
		lon = (lon + uint32(east)) & mask
	}
	c.bits = interleave(lat, lon)
	return c
}

// Ranges returns the ranges of numbers whose cells cover the area: that of the
// cell of its center and of those around it, as far as the area reaches into
// them.
func (a *Area) Ranges() []Range {
	b := a.bounds()
	radius := a.Radius
	if a.Box {
		radius = math.Sqrt(float64(a.Width/2*(a.Width/2)) + float64(a.Height/2*(a.Height/2)))
	}
	n := stepsFor(radius, a.Center.Lat)
	around := func() (cells [9]cell, own box) {
		c := cell{bits: encode(a.Center, MinLat, MaxLat, n), steps: n, there: true}
		for i, d := range directions {
			cells[i] = c.neighbour(d[0], d[1])
		}
		return cells, decode(c.bits, n)
	}
	cells, own := around()
	// Near the edges of cells, or the poles, the cells around may not reach far
	// enough.
	if n > 1 && (decode(cells[1].bits, n).maxLat < b.maxLat || decode(cells[2].bits, n).minLat > b.minLat ||
		decode(cells[3].bits, n).maxLon < b.maxLon || decode(cells[4].bits, n).minLon > b.minLon) {
		n--
		cells, own = around()
	}
	if n >= 2 {
		for i, d := range directions {
			if d[1] < 0 && own.minLat < b.minLat || d[1] > 0 && own.maxLat > b.maxLat ||
				d[0] < 0 && own.minLon < b.minLon || d[0] > 0 && own.maxLon > b.maxLon {
				cells[i].there = false
			}
		}
	}
	var ranges []Range
	last := -1
	for i, c := range cells {
		// Large cells meet themselves round the earth.
		if !c.there || last >= 0 && cells[last].bits == c.bits {
			continue
		}
		ranges = append(ranges, c.rng())
		last = i
	}
	return ranges
}

// directions are the cells around one, the middle first, in the order in which their places are found.
var directions = [9][2]int{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}

// stepsFor is how many bits a cell may have so that nine of them cover a circle.
func stepsFor(radius, lat float64) uint {
	if radius == 0 {
		return steps
	}
	n := 1
	for ; radius < mercatorMax; radius *= 2 {
		n++
	}
	n -= 2
	if lat > 66 || lat < -66 {
		n--
		if lat > 80 || lat < -80 {
			n--
		}
	}
	return uint(min(max(n, 1), steps))
}
