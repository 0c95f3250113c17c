// Package geo turns places into the 52-bit numbers that Redis keeps as scores of
// sorted sets, and finds the ranges of such numbers that cover an area.
//
// A place is a geohash (G. Niemeyer, 2008): 26 bits of longitude and 26 of
// latitude, interleaved, so that numbers with a common beginning lie in a common
// cell. The latitude ends at ±85.05112878, as in the Web Mercator projection, and
// the earth is a sphere: distances are great circles by the haversine formula.
package geo

import (
	"math"
	"strconv"
)

// The limits of coordinates.
const (
	MinLon, MaxLon = -180.0, 180.0
	MinLat, MaxLat = -85.05112878, 85.05112878
)

const (
	steps       = 26 // bits of each coordinate
	earthMeters = 6372797.560856
	mercatorMax = 20037726.37 // meters from the equator to MaxLat, projected
	radian      = 0.017453292519943295769
)

// A Point is a place in degrees.
type Point struct{ Lon, Lat float64 }

// Valid reports whether the point has a place.
func (p Point) Valid() bool {
	return p.Lon >= MinLon && p.Lon <= MaxLon && p.Lat >= MinLat && p.Lat <= MaxLat
}

// Encode returns the number of the cell that a valid point is in.
func Encode(p Point) uint64 { return encode(p, MinLat, MaxLat, steps) }

func encode(p Point, minLat, maxLat float64, steps uint) uint64 {
	lat := (p.Lat - minLat) / (maxLat - minLat) * float64(uint64(1)<<steps)
	lon := (p.Lon - MinLon) / (MaxLon - MinLon) * float64(uint64(1)<<steps)
	return interleave(uint32(lat), uint32(lon))
}

// interleave puts the bits of lat in even places and those of lon in odd ones.
func interleave(lat, lon uint32) uint64 { return spread(lat) | spread(lon)<<1 }

func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000FFFF0000FFFF
	x = (x | x<<8) & 0x00FF00FF00FF00FF
	x = (x | x<<4) & 0x0F0F0F0F0F0F0F0F
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

func squeeze(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0F0F0F0F0F0F0F0F
	x = (x | x>>4) & 0x00FF00FF00FF00FF
	x = (x | x>>8) & 0x0000FFFF0000FFFF
	return uint32(x | x>>16)
}

// A box is a cell in degrees.
type box struct{ minLon, maxLon, minLat, maxLat float64 }

func decode(bits uint64, steps uint) box {
	lat, lon := float64(squeeze(bits)), float64(squeeze(bits>>1))
	cells := float64(uint64(1) << steps)
	return box{
		minLon: MinLon + lon/cells*(MaxLon-MinLon), maxLon: MinLon + (lon+1)/cells*(MaxLon-MinLon),
		minLat: MinLat + lat/cells*(MaxLat-MinLat), maxLat: MinLat + (lat+1)/cells*(MaxLat-MinLat),
	}
}

// Decode returns the middle of a cell.
func Decode(bits uint64) Point {
	b := decode(bits, steps)
	return Point{
		Lon: min(max((b.minLon+b.maxLon)/2, MinLon), MaxLon),
		Lat: min(max((b.minLat+b.maxLat)/2, MinLat), MaxLat),
	}
}

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// Hash appends the place in the form of geohash.org, whose latitude ends at the poles: eleven letters, the last
// always 0 since 52 bits make ten.
func Hash(b []byte, p Point) []byte {
	bits := encode(p, -90, 90, steps)
	for i := range 10 {
		b = append(b, alphabet[bits>>(52-5*(i+1))&31])
	}
	return append(b, '0')
}

// Distance is that of two points, in meters. The last digits of its seventeen may
// be others than Redis's; ExactDistance, at eight times the cost, has these too.
func Distance(a, b Point) float64 { return haversine(a, b, math.Sin, math.Cos, math.Asin) }

// ExactDistance is Distance to the last digit.
func ExactDistance(a, b Point) float64 { return haversine(a, b, sine, cosine, arcsine) }

func haversine(a, b Point, sin, cos, arcsin func(float64) float64) float64 {
	lon1, lon2 := a.Lon*radian, b.Lon*radian
	v := sin((lon2 - lon1) / 2)
	if v == 0 {
		return latDistance(a.Lat, b.Lat)
	}
	lat1, lat2 := a.Lat*radian, b.Lat*radian
	u := sin((lat2 - lat1) / 2)
	// The products are rounded one by one, as on machines without fused
	// multiplication.
	h := float64(u*u) + float64(float64(float64(cos(lat1)*cos(lat2))*v)*v)
	return 2 * earthMeters * arcsin(math.Sqrt(h))
}

func latDistance(a, b float64) float64 { return earthMeters * math.Abs(b*radian-a*radian) }

// A Unit is a unit of length in meters.
type Unit float64

// UnitNamed returns the unit with that name: m, km, ft or mi.
func UnitNamed(name string) (Unit, bool) {
	switch name {
	case "m":
		return 1, true
	case "km":
		return 1000, true
	case "ft":
		return 0.3048, true
	case "mi":
		return 1609.34, true
	}
	return 0, false
}

// AppendDistance appends a distance with four digits behind the point.
func AppendDistance(b []byte, d float64) []byte { return strconv.AppendFloat(b, d, 'f', 4, 64) }
