package payload

import (
	"strconv"

	"github.com/tidwall/gjson"
)

const (
	maxRows    = 1024 // of one body that are read; further ones are only counted
	maxColumns = 1024 // of one row
)

// grid is a list of rows, whatever shape the body gave it.
type grid struct {
	names  []string // of the columns; nil: they have places only
	cells  []cell
	ends   []int // of each row in cells
	rows   int   // as many as the body holds, more than ends beyond maxRows
	cut    bool  // a row was longer than maxColumns
	places map[string]int
}

// row i of those that were read.
func (g *grid) row(i int) []cell {
	from := 0
	if i > 0 {
		from = g.ends[i-1]
	}
	return g.cells[from:g.ends[i]]
}

// read says how many rows were read.
func (g *grid) read() int { return len(g.ends) }

// at is a cell of a row that may be too short.
func at(row []cell, i int) cell {
	if i < 0 || i >= len(row) {
		return noCell
	}
	return row[i]
}

func (g *grid) end() { g.ends = append(g.ends, len(g.cells)) }

// column finds a named column's place, and makes one; -1 when there are too many.
func (g *grid) column(name string) int {
	if i, ok := g.places[name]; ok {
		return i
	}
	if len(g.names) >= maxColumns {
		g.cut = true
		return -1
	}
	if g.places == nil {
		g.places = map[string]int{}
	}
	name = string([]byte(name)) // the body's bytes are used again
	g.places[name] = len(g.names)
	g.names = append(g.names, name)
	return len(g.names) - 1
}

// gridOf turns a value into rows; false for what holds none. A list of plain
// values is a row when flatIsRow says so, else a column.
func gridOf(v gjson.Result, flatIsRow bool) (*grid, bool) {
	g := &grid{}
	switch {
	case v.IsArray():
		return g, g.list(v, flatIsRow)
	case v.IsObject():
		return g, g.object(v)
	case v.Exists() && v.Type != gjson.Null:
		g.cells, g.rows = append(g.cells, cellOf(v)), 1
		g.end()
		return g, true
	default:
		return g, false
	}
}

// list reads rows that are lists, records or plain values, or tensors.
func (g *grid) list(v gjson.Result, flatIsRow bool) bool {
	first := v.Get("0")
	switch {
	case !first.Exists():
		return true
	case isTensor(first):
		return g.tensors(v)
	case flatIsRow && !first.IsArray() && !first.IsObject():
		g.rows = 1
		g.flat(v)
		g.end()
		return true
	case first.IsObject():
		return g.records(v)
	}
	v.ForEach(func(_, item gjson.Result) bool {
		if g.rows++; g.rows > maxRows {
			return true
		}
		if item.IsArray() {
			g.flat(item)
		} else {
			g.cells = append(g.cells, cellOf(item))
		}
		g.end()
		return true
	})
	return true
}

// flat adds the values of a list to the row under way.
func (g *grid) flat(v gjson.Result) {
	n := 0
	v.ForEach(func(_, item gjson.Result) bool {
		if n++; n > maxColumns {
			g.cut = true
			return false
		}
		g.cells = append(g.cells, cellOf(item))
		return true
	})
}

// records reads rows that name their values.
func (g *grid) records(v gjson.Result) bool {
	v.ForEach(func(_, record gjson.Result) bool {
		if g.rows++; g.rows > maxRows {
			return true
		}
		from := len(g.cells)
		if !record.IsObject() {
			g.end()
			return true
		}
		record.ForEach(func(key, value gjson.Result) bool {
			i := g.column(key.Str)
			for i >= 0 && len(g.cells) <= from+i {
				g.cells = append(g.cells, noCell)
			}
			if i >= 0 {
				g.cells[from+i] = cellOf(value)
			}
			return true
		})
		g.end()
		return true
	})
	return true
}

// object reads {"columns": …, "data": …}, a tensor, or lists by column's name.
func (g *grid) object(v gjson.Result) bool {
	data := v.Get("data")
	switch {
	case isTensor(v):
		return g.tensor(v)
	case data.IsArray():
		v.Get("columns").ForEach(func(_, name gjson.Result) bool {
			if len(g.names) == maxColumns {
				g.cut = true
				return false
			}
			g.names = append(g.names, string([]byte(name.String())))
			return true
		})
		g.place()
		return g.list(data, false)
	default:
		return g.byColumn(v)
	}
}

// place finds columns by name; of two with one name the first.
func (g *grid) place() {
	g.places = make(map[string]int, len(g.names))
	for i, name := range g.names {
		if _, twice := g.places[name]; !twice {
			g.places[name] = i
		}
	}
}

// byColumn reads {"a": [1, 2], "b": [3, 4]}.
func (g *grid) byColumn(v gjson.Result) bool {
	var columns []column
	v.ForEach(func(key, values gjson.Result) bool {
		c := column{name: string([]byte(key.String()))}
		if values.IsArray() {
			values.ForEach(func(_, value gjson.Result) bool {
				if c.rows++; c.rows <= maxRows {
					c.cells = append(c.cells, cellOf(value))
				}
				return true
			})
		} else {
			c.rows, c.cells = 1, []cell{cellOf(values)}
		}
		columns = append(columns, c)
		return len(columns) <= maxColumns
	})
	return g.transpose(columns)
}

// column is one of several that make up rows.
type column struct {
	name  string
	cells []cell // of the rows that are read
	rows  int
}

// transpose turns columns of the same length into rows.
func (g *grid) transpose(columns []column) bool {
	if len(columns) > maxColumns {
		columns, g.cut = columns[:maxColumns], true
	}
	for _, c := range columns {
		if c.rows != columns[0].rows {
			return false
		}
		g.names = append(g.names, c.name)
	}
	if len(columns) == 0 {
		return false
	}
	g.place()
	g.rows = columns[0].rows
	for i := range columns[0].cells {
		for _, c := range columns {
			g.cells = append(g.cells, at(c.cells, i))
		}
		g.end()
	}
	return true
}

func numbered(name string, i int) string { return name + "." + strconv.Itoa(i) }
