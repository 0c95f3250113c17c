package commands

import (
	"cmp"
	"math"
	"slices"

	"cached/engine"
	"cached/engine/value"
	"cached/internal/geo"
)

var (
	eventGeoSearchStore = engine.Event{Name: "geosearchstore", Class: engine.ClassZSet}
	eventGeoRadiusStore = engine.Event{Name: "georadiusstore", Class: engine.ClassZSet}
)

// A geoForm is which of the commands that search for places is called.
type geoForm struct {
	byMember bool // GEORADIUSBYMEMBER
	search   bool // GEOSEARCH and GEOSEARCHSTORE, which say everything by words
	store    bool // GEOSEARCHSTORE: the destination is the first word
	mayStore bool // GEORADIUS: STORE and STOREDIST are known
}

func georadius(c *Ctx) error   { return c.geosearch(geoForm{mayStore: true}) }
func georadiusRO(c *Ctx) error { return c.geosearch(geoForm{}) }
func georadiusbymember(c *Ctx) error {
	return c.geosearch(geoForm{byMember: true, mayStore: true})
}
func georadiusbymemberRO(c *Ctx) error { return c.geosearch(geoForm{byMember: true}) }
func geosearch(c *Ctx) error           { return c.geosearch(geoForm{search: true}) }
func geosearchstore(c *Ctx) error      { return c.geosearch(geoForm{search: true, store: true}) }

// A geoQuery is a search with its words read.
type geoQuery struct {
	area  geo.Area
	unit  geo.Unit
	order int // -1: descending, 1: ascending, 0: as found

	withDist, withHash, withCoord bool
	count                         int
	any                           bool

	store     []byte // destination, or nil
	storeDist bool
}

// A geoHit is a place that was found.
type geoHit struct {
	member []byte
	score  float64
	meters float64
	at     geo.Point
}

// A geoWord is the way in which a center or a shape was given; 0: not yet.
type geoWord uint8

const (
	geoGiven geoWord = 1 + iota
	geoMember
	geoLonLat
	geoCircle
	geoBox
)

// may reports whether other may be given after w: w is the same word, or 0, which is none.
func (w geoWord) may(other geoWord) bool { return w == 0 || w == other }

func (c *Ctx) geosearch(form geoForm) error {
	q := geoQuery{unit: 1}
	at := 1
	if form.store {
		q.store = c.Argv[1]
		at = 2
	}
	z, there, err := c.zset(c.Argv[at])
	if err != nil {
		return err
	}
	if err := q.parse(c, form, z, there, at+1); err != nil {
		return err
	}
	if !there {
		switch {
		case q.store != nil:
			c.storeZSet(q.store, new(zpairs), eventGeoSearchStore)
		default:
			c.Reply.Array(0)
		}
		return nil
	}
	hits := q.find(z)
	if q.order != 0 {
		slices.SortStableFunc(hits, func(a, b geoHit) int { return q.order * cmp.Compare(a.meters, b.meters) })
	}
	if q.count > 0 && len(hits) > q.count {
		hits = hits[:q.count]
	}
	if q.store != nil {
		ev := eventGeoRadiusStore
		if form.store {
			ev = eventGeoSearchStore
		}
		c.storeHits(&q, hits, ev)
		return nil
	}
	c.replyHits(&q, hits)
	return nil
}

// parse reads the words from at on.
func (q *geoQuery) parse(c *Ctx, form geoForm, z value.ZSetRef, there bool, at int) error {
	a := c.Args(at)
	// Each may be said again, and the last time counts, but not in two ways.
	var center, shape geoWord
	if !form.search {
		center, shape = geoGiven, geoGiven
	}
	switch {
	case form.search:
	case form.byMember:
		member, radius, unit := a.Next(), a.Next(), a.Next()
		if !there {
			break // without the key, the member is not looked up
		}
		if err := q.around(z, there, member); err != nil {
			return err
		}
		if err := q.circle(radius, unit); err != nil {
			return err
		}
	default:
		p, err := parsePoint(a.Next(), a.Next())
		if err != nil {
			return err
		}
		q.area.Center = p
		if err := q.circle(a.Next(), a.Next()); err != nil {
			return err
		}
	}
	withOutput := false
	for a.More() {
		var err error
		switch {
		case a.Is("WITHDIST"):
			q.withDist, withOutput = true, true
		case a.Is("WITHHASH"):
			q.withHash, withOutput = true, true
		case a.Is("WITHCOORD"):
			q.withCoord, withOutput = true, true
		case a.Is("ANY"):
			q.any = true
		case a.Is("ASC"):
			q.order = 1
		case a.Is("DESC"):
			q.order = -1
		case a.Left() > 1 && a.Is("COUNT"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return ErrNotInt
			}
			if n <= 0 {
				return errGeoCount
			}
			q.count = int(min(n, math.MaxInt32))
		case form.mayStore && a.Left() > 1 && a.Is("STORE"):
			q.store, q.storeDist = a.Next(), false
		case form.mayStore && a.Left() > 1 && a.Is("STOREDIST"):
			q.store, q.storeDist = a.Next(), true
		case form.search && a.Left() > 1 && center.may(geoMember) && a.Is("FROMMEMBER"):
			err, center = q.around(z, there, a.Next()), geoMember
		case form.search && a.Left() > 2 && center.may(geoLonLat) && a.Is("FROMLONLAT"):
			q.area.Center, err = parsePoint(a.Next(), a.Next())
			center = geoLonLat
		case form.search && a.Left() > 2 && shape.may(geoCircle) && a.Is("BYRADIUS"):
			err, shape = q.circle(a.Next(), a.Next()), geoCircle
		case form.search && a.Left() > 3 && shape.may(geoBox) && a.Is("BYBOX"):
			err, shape = q.box(a.Next(), a.Next(), a.Next()), geoBox
		case form.store && a.Is("STOREDIST"):
			q.storeDist = true
		default:
			return ErrSyntax
		}
		if err != nil {
			return err
		}
	}
	switch {
	case q.store != nil && withOutput && form.store:
		return Error("ERR GEOSEARCHSTORE" + errGeoStoring)
	case q.store != nil && withOutput:
		return Error("ERR STORE option in GEORADIUS" + errGeoStoring)
	case center == 0:
		return Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + c.Spec.Name)
	case shape == 0:
		return Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + c.Spec.Name)
	case q.any && q.count == 0:
		return errGeoAny
	}
	// Some of all are the nearest ones, unless any will do.
	if q.count > 0 && q.order == 0 && !q.any {
		q.order = 1
	}
	return nil
}

// around makes a member the center.
func (q *geoQuery) around(z value.ZSetRef, there bool, member []byte) error {
	if !there {
		return nil // nothing will be found
	}
	p, ok := place(z, member)
	if !ok {
		return errGeoMember
	}
	q.area.Center = p
	return nil
}

func (q *geoQuery) circle(radius, unit []byte) error {
	r, ok := ParseFloat(radius)
	if !ok {
		return errGeoRadius
	}
	if r < 0 {
		return errGeoNegRad
	}
	u, err := parseUnit(unit)
	q.unit, q.area.Radius = u, r*float64(u)
	return err
}

func (q *geoQuery) box(width, height, unit []byte) error {
	w, ok := ParseFloat(width)
	if !ok {
		return errGeoWidth
	}
	h, ok := ParseFloat(height)
	if !ok {
		return errGeoHeight
	}
	if w < 0 || h < 0 {
		return errGeoNegBox
	}
	u, err := parseUnit(unit)
	q.unit, q.area.Box, q.area.Width, q.area.Height = u, true, w*float64(u), h*float64(u)
	return err
}

// find returns the places of the area, at most count of them if any will do.
func (q *geoQuery) find(z value.ZSetRef) (hits []geoHit) {
	for _, r := range q.area.Ranges() {
		first := z.Below(float64(r.Min), false)
		n := z.Below(float64(r.Max), false) - first
		full := false
		z.Range(first, n, false, func(m value.Elem, score float64) bool {
			p := geo.Decode(uint64(score))
			if meters, ok := q.area.Contains(p); ok {
				hits = append(hits, geoHit{m.Append(nil), score, meters, p})
				full = q.any && len(hits) >= q.count
			}
			return !full
		})
		if full {
			break
		}
	}
	return hits
}

func (c *Ctx) storeHits(q *geoQuery, hits []geoHit, ev engine.Event) {
	var out zpairs
	for _, h := range hits {
		score := h.score
		if q.storeDist {
			score = geo.ExactDistance(q.area.Center, h.at) / float64(q.unit)
		}
		out.add(value.Text(h.member), score)
	}
	c.storeZSet(q.store, &out, ev)
}

func (c *Ctx) replyHits(q *geoQuery, hits []geoHit) {
	fields := 1
	for _, with := range []bool{q.withDist, q.withHash, q.withCoord} {
		if with {
			fields++
		}
	}
	c.Reply.Array(len(hits))
	for _, h := range hits {
		if c.Reply.Full {
			break
		}
		if fields > 1 {
			c.Reply.Array(fields)
		}
		c.Reply.Bulk(h.member)
		if q.withDist {
			var buf [40]byte
			c.Reply.Bulk(geo.AppendDistance(buf[:0], h.meters/float64(q.unit)))
		}
		if q.withHash {
			c.Reply.Int(int64(h.score))
		}
		if q.withCoord {
			c.replyPoint(h.at)
		}
	}
}
