package shadow

import (
	"math"
	"strconv"

	"github.com/tidwall/gjson"
)

// maxRows bounds the predictions of one answer that are looked at.
const maxRows = 1000

// predictions is what both answers of a pair predict.
type predictions struct {
	asked, scored              bool // the policy names a path
	live, shadow               []string
	agree                      []bool // for each row that both have
	liveScores, shadowScores   []float64
	liveMissing, shadowMissing bool
}

// predict reads the predictions of two answers, where the policy names them.
func predict(c *Compare, by *comparer, live, shadow *reading, f finding) predictions {
	var p predictions
	if !f.parsed || live.status != shadow.status {
		return p // what a failed answer lacks shows in its status
	}
	if c.Predictions != "" {
		p.asked = true
		p.labels(by, valuesAt(live.body, c.Predictions), valuesAt(shadow.body, c.Predictions))
	}
	if c.Score != "" {
		p.scored = true
		p.liveScores, p.shadowScores = numbers(valuesAt(live.body, c.Score)), numbers(valuesAt(shadow.body, c.Score))
	}
	return p
}

// valuesAt is the value at a path, or those of the list there.
func valuesAt(body []byte, path string) []gjson.Result {
	at := gjson.GetBytes(body, path)
	switch {
	case !at.Exists() || at.Type == gjson.Null:
		return nil
	case !at.IsArray():
		return []gjson.Result{at}
	}
	var out []gjson.Result
	at.ForEach(func(_, v gjson.Result) bool {
		out = append(out, v)
		return len(out) < maxRows
	})
	return out
}

func (p *predictions) labels(by *comparer, live, shadow []gjson.Result) {
	p.liveMissing, p.shadowMissing = len(live) == 0, len(shadow) == 0
	for i := range max(len(live), len(shadow)) {
		if i >= len(live) || i >= len(shadow) {
			p.agree = append(p.agree, false)
			continue
		}
		same := live[i].Raw == shadow[i].Raw || by.sameValue(live[i].Raw, shadow[i].Raw)
		p.agree = append(p.agree, same)
		p.live, p.shadow = append(p.live, class(live[i])), append(p.shadow, class(shadow[i]))
	}
}

// sameValue compares two values by the policy's tolerance; a list or an object
// is compared as it is written.
func (c *rules) sameValue(live, shadow string) bool {
	u, err := strconv.ParseFloat(live, 64)
	v, err2 := strconv.ParseFloat(shadow, 64)
	if err != nil || err2 != nil {
		return false
	}
	if math.IsNaN(u) && math.IsNaN(v) {
		return true
	}
	return math.Abs(u-v) <= math.Max(c.absolute, c.relative*math.Max(math.Abs(u), math.Abs(v)))
}

// longestClass bounds the name of a class, in bytes.
const longestClass = 64

// class is the name of a predicted class; "" for what is none: a number with a
// fraction, a list, an object.
func class(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return cutText([]byte(v.Str[:min(len(v.Str), longestClass)]))
	case gjson.True, gjson.False:
		return v.Raw
	case gjson.Number:
		if v.Num == math.Trunc(v.Num) && math.Abs(v.Num) < 1<<31 {
			return strconv.FormatInt(int64(v.Num), 10)
		}
		return ""
	default:
		return ""
	}
}

// numbers are the values that are; others are NaN, which no bin holds.
func numbers(values []gjson.Result) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if v.Type == gjson.Number {
			out = append(out, v.Num)
		} else {
			out = append(out, math.NaN())
		}
	}
	return out
}
