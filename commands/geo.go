package commands

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"cached/engine/value"
	"cached/internal/geo"
)

// The errors of places.
const (
	errGeoUnit    = Error("ERR unsupported unit provided. please use M, KM, FT, MI")
	errGeoMember  = Error("ERR could not decode requested zset member")
	errGeoRadius  = Error("ERR need numeric radius")
	errGeoWidth   = Error("ERR need numeric width")
	errGeoHeight  = Error("ERR need numeric height")
	errGeoNegRad  = Error("ERR radius cannot be negative")
	errGeoNegBox  = Error("ERR height or width cannot be negative")
	errGeoCount   = Error("ERR COUNT must be > 0")
	errGeoAny     = Error("ERR the ANY argument requires COUNT argument")
	errGeoStoring = " is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
)

// point reads a longitude and a latitude.
func parsePoint(lon, lat []byte) (p geo.Point, err error) {
	var ok bool
	if p.Lon, ok = ParseFloat(lon); !ok {
		return p, ErrNotFloat
	}
	if p.Lat, ok = ParseFloat(lat); !ok {
		return p, ErrNotFloat
	}
	if !p.Valid() {
		return p, Error("ERR invalid longitude,latitude pair " + fixed(p.Lon) + "," + fixed(p.Lat))
	}
	return p, nil
}

// fixed is a number as C prints it with %f.
func fixed(f float64) string {
	if math.IsInf(f, 0) {
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'f', 6, 64)), "+")
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// parseUnit reads a unit of length.
func parseUnit(b []byte) (geo.Unit, error) {
	if len(b) <= 2 {
		var buf [2]byte
		if u, ok := geo.UnitNamed(string(lower(buf[:0], b))); ok {
			return u, nil
		}
	}
	return 0, errGeoUnit
}

func geoadd(c *Ctx) error {
	var o zaddOptions
	a := c.Args(2)
	for a.More() {
		switch {
		case a.Is("NX"):
			o.nx = true
		case a.Is("XX"):
			o.xx = true
		case a.Is("CH"):
			o.ch = true
		default:
			goto places
		}
	}
places:
	words := a.argv[a.i:]
	if len(words) == 0 || len(words)%3 != 0 || o.nx && o.xx {
		return ErrSyntax
	}
	pairs := make([][]byte, 0, len(words)/3*2)
	for ; len(words) > 0; words = words[3:] {
		p, err := parsePoint(words[0], words[1])
		if err != nil {
			return err
		}
		var d decimal
		pairs = append(pairs, append([]byte(nil), d.of(int64(geo.Encode(p)))...), words[2])
	}
	return c.zaddPairs(o, pairs)
}

// place returns where a member is.
func place(z value.ZSetRef, member []byte) (geo.Point, bool) {
	score, ok := z.Score(member)
	if !ok {
		return geo.Point{}, false
	}
	return geo.Decode(uint64(score)), true
}

func geodist(c *Ctx) error {
	unit := geo.Unit(1)
	if len(c.Argv) == 5 {
		var err error
		if unit, err = parseUnit(c.Argv[4]); err != nil {
			return err
		}
	} else if len(c.Argv) > 5 {
		return ErrSyntax
	}
	z, ok, err := c.zset(c.Argv[1])
	if err != nil || !ok {
		return c.NullOr(err)
	}
	from, ok := place(z, c.Argv[2])
	to, found := place(z, c.Argv[3])
	if !ok || !found {
		c.Reply.Null()
		return nil
	}
	var buf [40]byte
	c.Reply.Bulk(geo.AppendDistance(buf[:0], geo.Distance(from, to)/float64(unit)))
	return nil
}

// eachPlace replies an array with something for each of the named members, or
// null.
func (c *Ctx) eachPlace(null func(), reply func(geo.Point)) error {
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, m := range c.Argv[2:] {
		p, found := geo.Point{}, false
		if ok {
			p, found = place(z, m)
		}
		if found {
			reply(p)
		} else {
			null()
		}
	}
	return nil
}

func geohash(c *Ctx) error {
	return c.eachPlace(c.Reply.Null, func(p geo.Point) {
		var buf [11]byte
		c.Reply.Bulk(geo.Hash(buf[:0], p))
	})
}

func geopos(c *Ctx) error { return c.eachPlace(c.Reply.NullArray, c.replyPoint) }

// replyPoint replies longitude and latitude, with as many digits as there are.
func (c *Ctx) replyPoint(p geo.Point) {
	c.Reply.Array(2)
	for _, f := range [2]float64{p.Lon, p.Lat} {
		c.Reply.LongDouble(appendLongDouble(nil, new(big.Float).SetPrec(longDoubleBits).SetFloat64(f)))
	}
}
