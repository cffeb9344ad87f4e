package shadow

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

const (
	maxDifferences = 32  // kept of one pair
	maxPlaces      = 256 // generalized places of one pair that the noise is asked about
	shownText      = 200 // bytes of a value that are shown
)

// Difference is one place in which two answers differ.
type Difference struct {
	// Path is the place in the body; (status), (content-type) and (body) are the
	// answer's own.
	Path   string `json:"path"`
	Kind   string `json:"kind"` // value, type, missing, extra or length
	Live   string `json:"live,omitempty"`
	Shadow string `json:"shadow,omitempty"`

	way []step // nil outside of a body
}

// Kinds of differences.
const (
	kindValue   = "value"
	kindType    = "type"
	kindMissing = "missing" // the shadow has none
	kindExtra   = "extra"   // the live answer has none
	kindLength  = "length"
)

// Places of differences outside of a JSON body.
const (
	placeStatus = "(status)"
	placeType   = "(content-type)"
	placeBody   = "(body)"
)

// size is how far apart two values are: infinite when they are no two numbers.
type size struct{ absolute, relative float64 }

var incomparable = size{math.Inf(1), math.Inf(1)}

// comparer compares two documents. It is used by one goroutine at a time and
// keeps its memory.
type comparer struct {
	rules
	live, shadow document
	way          []step
	differences  []Difference
	more         int             // beyond maxDifferences
	places       map[string]size // the largest difference at each place, indexes as *
	crowded      bool            // beyond maxPlaces
	scratch      []byte
}

// rules say when two values are the same.
type rules struct {
	ignore             []jsonPattern
	absolute, relative float64
	unordered          []unorderedRule
	redact             []jsonPattern
}

type unorderedRule struct {
	list   jsonPattern
	member string // "": the whole element
}

// newComparer takes a configuration with its defaults set.
func newComparer(c Config) (*comparer, error) {
	out := &comparer{
		rules:  rules{absolute: *c.Compare.Absolute, relative: *c.Compare.Relative},
		places: map[string]size{},
	}
	var err error
	if out.ignore, err = parseAll(c.Compare.Ignore, parseJSONPattern); err != nil {
		return nil, fmt.Errorf("compare.ignore: %w", err)
	}
	if out.redact, err = parseAll(c.Redact, parseJSONPattern); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	for path, member := range c.Compare.Unordered {
		list, err := parseJSONPattern(path)
		if err != nil {
			return nil, fmt.Errorf("compare.unordered: %q: %w", path, err)
		}
		out.unordered = append(out.unordered, unorderedRule{list, member})
	}
	return out, nil
}

func (c *comparer) reset() {
	c.way, c.differences, c.more, c.crowded = c.way[:0], c.differences[:0], 0, false
	clear(c.places)
}

// documents compares what live and shadow hold.
func (c *comparer) documents() { c.values(0, 0) }

// values compares the node a of the live answer with the node b of the shadow's.
func (c *comparer) values(a, b int) {
	if c.ignored() {
		return
	}
	na, nb := &c.live.nodes[a], &c.shadow.nodes[b]
	if na.kind != nb.kind {
		c.differ(kindType, incomparable, c.shown(&c.live, a), c.shown(&c.shadow, b))
		return
	}
	switch na.kind {
	case nodeObject:
		c.objects(a, b)
	case nodeArray:
		c.arrays(a, b)
	case nodeNumber:
		c.numbers(a, b)
	case nodeString:
		if !sameString(&c.live, a, &c.shadow, b) {
			c.differ(kindValue, incomparable, c.shown(&c.live, a), c.shown(&c.shadow, b))
		}
	case nodeBool:
		if !bytes.Equal(c.live.raw(a), c.shadow.raw(b)) {
			c.differ(kindValue, incomparable, c.shown(&c.live, a), c.shown(&c.shadow, b))
		}
	case nodeNull:
	}
}

func sameString(x *document, a int, y *document, b int) bool {
	if !x.nodes[a].escaped && !y.nodes[b].escaped {
		return bytes.Equal(x.raw(a), y.raw(b))
	}
	return x.unescaped(a) == y.unescaped(b)
}

// longInteger is the number of digits that float64 may not hold exactly.
const longInteger = 16

func (c *comparer) numbers(a, b int) {
	x, y := c.live.raw(a), c.shadow.raw(b)
	if bytes.Equal(x, y) {
		return
	}
	if long := len(x) >= longInteger || len(y) >= longInteger; long && integer(x) && integer(y) {
		c.differ(kindValue, incomparable, string(x), string(y)) // names, not amounts
		return
	}
	u, v := c.live.float(a), c.shadow.float(b)
	if u == v || (math.IsNaN(u) && math.IsNaN(v)) {
		return
	}
	larger := math.Max(math.Abs(u), math.Abs(v))
	d := size{absolute: math.Abs(u - v)}
	d.relative = d.absolute / larger
	if d.absolute <= c.absolute || d.absolute <= c.relative*larger && !math.IsInf(larger, 0) {
		return
	}
	if math.IsNaN(d.absolute) || math.IsInf(larger, 0) {
		d = incomparable
	}
	c.differ(kindValue, d, c.shown(&c.live, a), c.shown(&c.shadow, b))
}

// integer says whether a number is written without fraction and exponent.
func integer(raw []byte) bool {
	for i, c := range raw {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			return false
		}
	}
	return true
}

// objects compares members by name; of names that come twice the last counts,
// as in most readers.
func (c *comparer) objects(a, b int) {
	na, nb := &c.live.nodes[a], &c.shadow.nodes[b]
	i, j := a+1, b+1
	for ; i < int(na.next) && j < int(nb.next); i, j = c.live.after(i), c.shadow.after(j) {
		if !sameString(&c.live, i, &c.shadow, j) {
			break
		}
	}
	if i == int(na.next) && j == int(nb.next) && na.count == nb.count {
		c.membersInOrder(a, b)
		return
	}
	c.membersByName(a, b)
}

// after is the name of the next member.
func (d *document) after(name int) int { return int(d.nodes[name+1].next) }

func (c *comparer) membersInOrder(a, b int) {
	end := int(c.live.nodes[a].next)
	for i, j := a+1, b+1; i < end; i, j = c.live.after(i), c.shadow.after(j) {
		c.member(c.live.raw(i), i+1, j+1)
	}
}

func (c *comparer) member(name []byte, a, b int) {
	c.way = append(c.way, step{name: named(name)})
	c.values(a, b)
	c.way = c.way[:len(c.way)-1]
}

// named keeps the empty name apart from an index.
func named(name []byte) []byte {
	if name == nil {
		return []byte{}
	}
	return name
}

func (c *comparer) membersByName(a, b int) {
	names := make(map[string]int, c.shadow.nodes[b].count)
	for j := b + 1; j < int(c.shadow.nodes[b].next); j = c.shadow.after(j) {
		names[c.shadow.unescaped(j)] = j
	}
	last := make(map[string]int, c.live.nodes[a].count)
	for i := a + 1; i < int(c.live.nodes[a].next); i = c.live.after(i) {
		last[c.live.unescaped(i)] = i
	}
	for i := a + 1; i < int(c.live.nodes[a].next); i = c.live.after(i) {
		name := c.live.unescaped(i)
		if last[name] != i {
			continue
		}
		j, ok := names[name]
		if ok {
			delete(names, name)
			c.member(c.live.raw(i), i+1, j+1)
			continue
		}
		c.alone(kindMissing, step{name: named(c.live.raw(i))}, &c.live, i+1)
	}
	for j := b + 1; j < int(c.shadow.nodes[b].next); j = c.shadow.after(j) {
		if at, ok := names[c.shadow.unescaped(j)]; ok && at == j {
			c.alone(kindExtra, step{name: named(c.shadow.raw(j))}, &c.shadow, j+1)
		}
	}
}

// alone is a value that only one of the answers has.
func (c *comparer) alone(kind string, s step, d *document, i int) {
	c.way = append(c.way, s)
	defer func() { c.way = c.way[:len(c.way)-1] }()
	switch {
	case c.ignored():
	case kind == kindMissing:
		c.differ(kind, incomparable, c.shown(d, i), "")
	default:
		c.differ(kind, incomparable, "", c.shown(d, i))
	}
}

func (c *comparer) arrays(a, b int) {
	for _, u := range c.unordered {
		if u.list.matches(c.way) {
			c.elementsByMember(a, b, u.member)
			return
		}
	}
	na, nb := c.live.nodes[a], c.shadow.nodes[b]
	if na.count != nb.count {
		c.differ(kindLength, incomparable, strconv.Itoa(int(na.count)), strconv.Itoa(int(nb.count)))
	}
	for i, j, index := a+1, b+1, 0; i < int(na.next) && j < int(nb.next); index++ {
		c.way = append(c.way, step{index: index})
		c.values(i, j)
		c.way = c.way[:len(c.way)-1]
		i, j = int(c.live.nodes[i].next), int(c.shadow.nodes[j].next)
	}
}

// elementsByMember compares the elements that have the same value in a member.
// Those that come more than once are taken in their order.
func (c *comparer) elementsByMember(a, b int, member string) {
	places := map[string][]int{}
	for j := b + 1; j < int(c.shadow.nodes[b].next); j = int(c.shadow.nodes[j].next) {
		key := c.shadow.key(j, member)
		places[key] = append(places[key], j)
	}
	index := 0
	for i := a + 1; i < int(c.live.nodes[a].next); i = int(c.live.nodes[i].next) {
		key := c.live.key(i, member)
		if at := places[key]; len(at) > 0 {
			places[key] = at[1:]
			c.way = append(c.way, step{index: index})
			c.values(i, at[0])
			c.way = c.way[:len(c.way)-1]
		} else {
			c.alone(kindMissing, step{index: index}, &c.live, i)
		}
		index++
	}
	index = 0
	for j := b + 1; j < int(c.shadow.nodes[b].next); j = int(c.shadow.nodes[j].next) {
		key := c.shadow.key(j, member)
		if at := places[key]; len(at) > 0 && at[0] == j {
			places[key] = at[1:]
			c.alone(kindExtra, step{index: index}, &c.shadow, j)
		}
		index++
	}
}

// key is what an element of a list is found by.
func (d *document) key(i int, member string) string {
	n := d.nodes[i]
	if member == "" || n.kind != nodeObject {
		return n.kind.String() + " " + string(d.raw(i))
	}
	key := ""
	for j := i + 1; j < int(n.next); j = d.after(j) {
		if d.unescaped(j) == member {
			key = d.nodes[j+1].kind.String() + ":" + d.unescaped(j+1)
		}
	}
	return key
}

func (c *comparer) ignored() bool {
	for _, p := range c.ignore {
		if p.matches(c.way) {
			return true
		}
	}
	return false
}

// differ notes a difference at the present place.
func (c *comparer) differ(kind string, by size, live, shadow string) {
	c.scratch = appendWay(c.scratch[:0], c.way, true)
	c.place(string(c.scratch), by)
	if len(c.differences) == maxDifferences {
		c.more++
		return
	}
	way := append([]step{}, c.way...)
	c.differences = append(c.differences, Difference{
		Path: string(appendWay(nil, c.way, false)), Kind: kind, Live: live, Shadow: shadow, way: way,
	})
}

// outside notes a difference that has no place in a JSON body.
func (c *comparer) outside(path, live, shadow string) {
	c.place(path, incomparable)
	c.differences = append(c.differences, Difference{Path: path, Kind: kindValue, Live: live, Shadow: shadow})
}

func (c *comparer) place(path string, by size) {
	before, known := c.places[path]
	if !known && len(c.places) == maxPlaces {
		c.crowded = true
		return
	}
	c.places[path] = size{math.Max(before.absolute, by.absolute), math.Max(before.relative, by.relative)}
}

// shown is a value as a person may see it, cut.
func (c *comparer) shown(d *document, i int) string {
	if len(c.differences) >= maxDifferences {
		return "" // it will not be kept
	}
	switch n := d.nodes[i]; {
	case n.kind == nodeString:
		return cutText(d.text[n.start-1 : n.end+1])
	case n.kind >= nodeArray && len(c.redact) > 0: // something below may be hidden
		return fmt.Sprintf("(%s of %d)", n.kind, n.count)
	default:
		return cutText(d.raw(i))
	}
}

// cutText keeps valid text only: it is shown in JSON.
func cutText(b []byte) string {
	if len(b) <= shownText {
		return string(bytes.ToValidUTF8(b, replacement))
	}
	return string(bytes.ToValidUTF8(b[:shownText], replacement)) + "…"
}

var replacement = []byte("\uFFFD")
