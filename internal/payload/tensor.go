package payload

import "github.com/tidwall/gjson"

// isTensor tells a tensor of the Open Inference Protocol v2.
func isTensor(v gjson.Result) bool {
	return v.IsObject() && v.Get("shape").IsArray() && v.Get("data").IsArray()
}

// tensorShape is the number of rows and of values in each; false when the shape
// is none.
func tensorShape(v gjson.Result) (rows, width int, ok bool) {
	width, n := 1, 0
	v.Get("shape").ForEach(func(_, dimension gjson.Result) bool {
		d := dimension.Num
		ok = dimension.Type == gjson.Number && d >= 1 && d <= 1<<20 && d == float64(int(d))
		switch n++; {
		case !ok:
		case n == 1:
			rows = int(d)
		default:
			width *= int(d)
			ok = width <= 1<<20
		}
		return ok
	})
	return rows, width, ok
}

// tensorCells reads a tensor's values in row-major order, flat or nested, as
// far as they are needed.
func tensorCells(v gjson.Result) (cells []cell, total int) {
	var walk func(v gjson.Result)
	walk = func(v gjson.Result) {
		v.ForEach(func(_, item gjson.Result) bool {
			if item.IsArray() {
				walk(item) // no deeper than maxDepth
				return true
			}
			if total++; total <= maxRows*maxColumns {
				cells = append(cells, cellOf(item))
			}
			return true
		})
	}
	walk(v.Get("data"))
	return cells, total
}

// tensor reads one tensor as rows without names.
func (g *grid) tensor(v gjson.Result) bool {
	rows, width, ok := tensorShape(v)
	cells, total := tensorCells(v)
	if !ok || total != rows*width {
		return false
	}
	g.rows = rows
	for i := range min(rows, maxRows) {
		row := cells[min(i*width, len(cells)):min((i+1)*width, len(cells))]
		if len(row) > maxColumns {
			row, g.cut = row[:maxColumns], true
		}
		g.cells = append(g.cells, row...)
		g.end()
	}
	return true
}

// tensors reads a list of tensors: one alone is a matrix, several are columns
// by name, a wide one "name.0", "name.1" and so on.
func (g *grid) tensors(v gjson.Result) bool {
	list := v.Array()
	if len(list) == 1 {
		if _, width, _ := tensorShape(list[0]); width > 1 {
			return g.tensor(list[0])
		}
	}
	var columns []column
	for _, t := range list {
		rows, width, ok := tensorShape(t)
		cells, total := tensorCells(t)
		if !isTensor(t) || !ok || total != rows*width {
			return false
		}
		name := string([]byte(t.Get("name").String()))
		for j := range min(width, maxColumns+1) {
			c := column{name: name, rows: rows}
			if width > 1 {
				c.name = numbered(name, j)
			}
			for i := j; i < len(cells) && len(c.cells) < maxRows; i += width {
				c.cells = append(c.cells, cells[i])
			}
			columns = append(columns, c)
		}
		if len(columns) > maxColumns {
			break
		}
	}
	return g.transpose(columns)
}
