package payload

import (
	"math"

	"github.com/tidwall/gjson"

	"github.com/headgate/headgate/internal/kpi"
)

// maxGroup is the longest name of a group, in bytes; longer ones are no group.
const maxGroup = 64

// readRows reads predictions and scores.
func (r *Reader) readRows(answer gjson.Result, f *kpi.Facts) Trouble {
	path := r.config.Predictions
	if path == "" {
		path = r.config.Format.predictions()
	}
	predictions, ok := gridOf(answer.Get(path), false)
	if !ok {
		return Missing
	}
	scores, trouble := r.scores(answer, predictions)
	if trouble != Fine {
		return trouble
	}
	f.Rows = make([]kpi.Row, scores.read())
	for i := range f.Rows {
		f.Rows[i].Score = score(scores, i)
	}
	return Fine
}

// scores are where the policy says; else where the format has them, if it does
// in this answer; else the predictions.
func (r *Reader) scores(answer gjson.Result, predictions *grid) (*grid, Trouble) {
	path, wanted := r.config.Scores, r.config.Scores != ""
	if !wanted {
		path = r.config.Format.scores()
	}
	if path == "" {
		return predictions, Fine
	}
	v := answer.Get(path)
	if !wanted && (!v.Exists() || v.Type == gjson.Null) {
		return predictions, Fine
	}
	scores, ok := gridOf(v, false)
	switch {
	case !ok:
		return nil, Missing
	case predictions.rows == 1 && scores.rows == 2 && len(scores.cells) == 2:
		// Both classes of the one row, not in a list of their own.
		return &grid{cells: scores.cells, ends: []int{2}, rows: 1}, Fine
	case scores.rows != predictions.rows:
		return nil, Lengths
	}
	return scores, Fine
}

// score of a row: its one value, or the second of two classes. NaN where
// neither is a number.
func score(g *grid, i int) float64 {
	switch row := g.row(i); {
	case len(row) == 1:
		return row[0].value
	case len(row) == 2 && g.names == nil:
		return row[1].value
	default:
		return math.NaN()
	}
}

// readGroups gives the rows their groups: one for all, or one for each.
func (r *Reader) readGroups(request []byte, rows []kpi.Row) Trouble {
	v := gjson.GetBytes(request, r.config.Group)
	if !v.IsArray() {
		name := groupOf(v)
		for i := range rows {
			rows[i].Group = name
		}
		return Fine
	}
	n := 0
	v.ForEach(func(_, item gjson.Result) bool {
		if n++; n <= len(rows) {
			rows[n-1].Group = groupOf(item)
		}
		return true
	})
	if n != len(rows) && n <= maxRows {
		for i := range rows {
			rows[i].Group = ""
		}
		return Lengths
	}
	return Fine
}

// groupOf names a group; a copy, because the body's bytes are used again.
func groupOf(v gjson.Result) string {
	switch v.Type {
	case gjson.String, gjson.Number, gjson.True, gjson.False:
		if name := v.String(); len(name) <= maxGroup {
			return string([]byte(name))
		}
	case gjson.Null, gjson.JSON:
	}
	return ""
}
