package shadow

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

const (
	maxDepth = 128
	maxNodes = 1 << 17 // values and names of one document
)

var (
	errSyntax   = errors.New("not JSON")
	errTooLarge = errors.New("too deep, or too many values")
)

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"null", "boolean", "number", "string", "list", "object"}[k]
}

// node is one value of a document, or the name of a member. The children of a
// list or an object follow it; an object's are name, value, name, value.
type node struct {
	start, end uint32 // of the text; of a string without its quotes
	next       uint32 // the node after this one and all below it
	count      uint32 // elements, or members
	kind       nodeKind
	escaped    bool // a string with backslashes
}

// document is a parsed JSON text in one piece: no tree, and no more memory than
// maxNodes takes. It takes NaN, Infinity and -Infinity for numbers, which
// MLflow sends with status 200 and calls JSON.
type document struct {
	text      []byte
	nodes     []node
	at        int
	nonFinite bool // a bare NaN or infinity was among the numbers
}

// parse reads one JSON text. The document refers to it.
func (d *document) parse(text []byte) error {
	*d = document{text: text, nodes: d.nodes[:0]}
	if uint64(len(text)) > math.MaxUint32 {
		return errTooLarge
	}
	if err := d.value(0); err != nil {
		return err
	}
	d.blanks()
	if d.at < len(d.text) {
		return errSyntax
	}
	return nil
}

func (d *document) blanks() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\r', '\n':
			d.at++
		default:
			return
		}
	}
}

// take moves over c, if it is next.
func (d *document) take(c byte) bool {
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *document) add(n node) (int, error) {
	if len(d.nodes) == maxNodes {
		return 0, errTooLarge
	}
	n.next = uint32(len(d.nodes) + 1)
	d.nodes = append(d.nodes, n)
	return len(d.nodes) - 1, nil
}

func (d *document) value(depth int) error {
	d.blanks()
	if d.at >= len(d.text) {
		return errSyntax
	}
	switch c := d.text[d.at]; {
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.array(depth)
	case c == '"':
		return d.string()
	case c == 't':
		return d.word("true", nodeBool)
	case c == 'f':
		return d.word("false", nodeBool)
	case c == 'n':
		return d.word("null", nodeNull)
	case c == 'N':
		return d.word("NaN", nodeNumber)
	case c == 'I':
		return d.word("Infinity", nodeNumber)
	case c == '-' && bytes.HasPrefix(d.text[d.at:], []byte("-I")):
		return d.word("-Infinity", nodeNumber)
	default:
		return d.number()
	}
}

func (d *document) word(w string, kind nodeKind) error {
	if !bytes.HasPrefix(d.text[d.at:], []byte(w)) {
		return errSyntax
	}
	d.nonFinite = d.nonFinite || kind == nodeNumber
	_, err := d.add(node{kind: kind, start: uint32(d.at), end: uint32(d.at + len(w))})
	d.at += len(w)
	return err
}

func (d *document) object(depth int) error {
	i, err := d.open(nodeObject, depth)
	if err != nil {
		return err
	}
	for d.blanks(); !d.take('}'); d.blanks() {
		if d.nodes[i].count > 0 && !d.take(',') {
			return errSyntax
		}
		d.blanks()
		if err := d.string(); err != nil {
			return err
		}
		if d.blanks(); !d.take(':') {
			return errSyntax
		}
		if err := d.value(depth + 1); err != nil {
			return err
		}
		d.nodes[i].count++
	}
	d.close(i)
	return nil
}

func (d *document) array(depth int) error {
	i, err := d.open(nodeArray, depth)
	if err != nil {
		return err
	}
	for d.blanks(); !d.take(']'); d.blanks() {
		if d.nodes[i].count > 0 && !d.take(',') {
			return errSyntax
		}
		if err := d.value(depth + 1); err != nil {
			return err
		}
		d.nodes[i].count++
	}
	d.close(i)
	return nil
}

func (d *document) open(kind nodeKind, depth int) (int, error) {
	if depth >= maxDepth {
		return 0, errTooLarge
	}
	i, err := d.add(node{kind: kind, start: uint32(d.at)})
	d.at++
	return i, err
}

func (d *document) close(i int) {
	d.nodes[i].end = uint32(d.at)
	d.nodes[i].next = uint32(len(d.nodes))
}

func (d *document) string() error {
	if !d.take('"') {
		return errSyntax
	}
	start, escaped := d.at, false
	for d.at < len(d.text) {
		switch c := d.text[d.at]; {
		case c == '"':
			_, err := d.add(node{kind: nodeString, start: uint32(start), end: uint32(d.at), escaped: escaped})
			d.at++
			return err
		case c < ' ':
			return errSyntax
		case c == '\\':
			escaped = true
			if !d.escape() {
				return errSyntax
			}
		default:
			d.at++
		}
	}
	return errSyntax
}

func (d *document) escape() bool {
	if d.at+1 >= len(d.text) {
		return false
	}
	switch d.text[d.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		d.at += 2
		return true
	case 'u':
		if d.at+6 > len(d.text) {
			return false
		}
		for _, c := range d.text[d.at+2 : d.at+6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
		d.at += 6
		return true
	default:
		return false
	}
}

func (d *document) number() error {
	start := d.at
	d.take('-')
	if !d.take('0') && d.digits() == 0 {
		return errSyntax
	}
	if d.take('.') && d.digits() == 0 {
		return errSyntax
	}
	if d.take('e') || d.take('E') {
		if !d.take('+') {
			d.take('-')
		}
		if d.digits() == 0 {
			return errSyntax
		}
	}
	_, err := d.add(node{kind: nodeNumber, start: uint32(start), end: uint32(d.at)})
	return err
}

func (d *document) digits() int {
	from := d.at
	for d.at < len(d.text) && d.text[d.at] >= '0' && d.text[d.at] <= '9' {
		d.at++
	}
	return d.at - from
}

// raw is the text of a node; of a string without its quotes.
func (d *document) raw(i int) []byte { return d.text[d.nodes[i].start:d.nodes[i].end] }

// unescaped is the value of a string.
func (d *document) unescaped(i int) string {
	if d.nodes[i].escaped {
		var s string
		n := d.nodes[i]
		if json.Unmarshal(d.text[n.start-1:n.end+1], &s) == nil {
			return s
		}
	}
	return string(d.raw(i))
}

// float is the value of a number; what is beyond float64 is infinite.
func (d *document) float(i int) float64 {
	f, err := strconv.ParseFloat(string(d.raw(i)), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return math.NaN()
	}
	return f
}
