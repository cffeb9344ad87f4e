package payload

import (
	"math"

	"github.com/tidwall/gjson"
)

// kind is what stands in a cell.
type kind uint8

const (
	absent  kind = iota
	null         // null
	number       // a finite number
	boolean      // counts as 0 or 1
	text         // a class label, a category
	other        // a list, an object, or a number too large to be one
)

// cell is one value of a row.
type cell struct {
	kind  kind
	value float64 // of numbers and booleans, else NaN
}

func cellOf(v gjson.Result) cell {
	switch v.Type {
	case gjson.Number:
		if !math.IsInf(v.Num, 0) && !math.IsNaN(v.Num) {
			return cell{number, v.Num}
		}
	case gjson.True:
		return cell{boolean, 1}
	case gjson.False:
		return cell{boolean, 0}
	case gjson.String:
		return cell{text, math.NaN()}
	case gjson.Null:
		if !v.Exists() {
			return cell{absent, math.NaN()}
		}
		return cell{null, math.NaN()}
	case gjson.JSON:
	}
	return cell{other, math.NaN()}
}

var noCell = cell{absent, math.NaN()}
