package payload

import (
	"github.com/tidwall/gjson"

	"github.com/headgate/headgate/internal/kpi"
)

// Exchange is a request with its answer. The slices are read and not kept.
type Exchange struct {
	Status                        int
	Request, Answer               []byte
	RequestTrouble, AnswerTrouble Trouble // found before: the body is not there
}

// Reading is what an exchange told.
type Reading struct {
	// Facts are without ID and what belongs to streams.
	Facts kpi.Facts
	// Failed: by a rule of the body. Unchecked: the rules could not be looked at.
	Failed, Unchecked bool
	// Breaches of the data contract.
	Breaches BreachSet
	// What could not be read.
	RequestTrouble, AnswerTrouble Trouble
}

// Reader reads the payloads of one route. It is immutable.
type Reader struct {
	config   Config
	body     []Rule
	inputs   []kpi.Input
	features []string
	facts    bool // predictions are read
	request  bool // something of the request is read
	rows     bool // the request's rows are counted
}

// NewReader makes a reader. c nil: only the rules are looked at; e nil: there
// are none. m says what the model counts of its inputs.
func NewReader(c *Config, e *Errors, m kpi.Config) *Reader {
	r := &Reader{}
	if e != nil {
		r.body = e.Body
	}
	for _, rule := range r.body {
		r.rows = r.rows || rule.Holds&IsNotPerRow != 0
	}
	if c != nil {
		r.config, r.facts, r.inputs = *c, true, m.Inputs
		r.request = c.Asks(m)
	}
	r.request = r.request || r.rows
	r.features = r.config.Format.features()
	if r.config.Features != "" {
		r.features = []string{r.config.Features}
	}
	return r
}

// NeedsRequest says whether Read looks at requests.
func (r *Reader) NeedsRequest() bool { return r.request }

// NeedsAnswer says whether Read looks at answers.
func (r *Reader) NeedsAnswer() bool { return r.facts || len(r.body) > 0 }

// Rules says whether answers can be failures by their bodies.
func (r *Reader) Rules() bool { return len(r.body) > 0 }

// Read reads one exchange. It does not panic, whatever the bodies hold.
func (r *Reader) Read(x Exchange) (out Reading) {
	asked := r.readRequest(x, &out)
	answer, ok := r.readAnswer(x, &out)
	out.Failed = r.fails(answer, ok, asked, &out)
	if r.facts && ok && out.AnswerTrouble == Fine {
		out.AnswerTrouble = r.readRows(answer, &out.Facts)
		if r.config.Group != "" && out.RequestTrouble == Fine {
			out.RequestTrouble = r.readGroups(x.Request, out.Facts.Rows)
		}
	}
	return out
}

// readRequest reads inputs, holds the rows against the contract and counts
// them, -1 when they are not known.
func (r *Reader) readRequest(x Exchange, out *Reading) int {
	if !r.request {
		return -1
	}
	out.RequestTrouble = x.RequestTrouble
	if x.RequestTrouble == Fine {
		out.RequestTrouble = strictly(x.Request)
	}
	contract := r.config.Contract
	if t := out.RequestTrouble; t != Fine {
		// What was not read says nothing; what is no JSON breaks any contract.
		if contract != nil && t != TooLarge && t != Coding {
			r.breached(1<<BreachUnreadable, out)
		}
		return -1
	}
	if contract == nil && !r.rows && len(r.inputs) == 0 {
		return -1
	}
	g, ok := r.grid(x.Request)
	if contract != nil {
		r.breached(contract.check(g), out)
	}
	if !ok {
		out.RequestTrouble = Missing
		return -1
	}
	out.Facts.Inputs = r.readInputs(g)
	return g.rows
}

func (r *Reader) breached(broken BreachSet, out *Reading) {
	out.Breaches = broken
	out.Facts.Checked, out.Facts.Invalid = true, broken != 0
}

// grid finds the request's rows.
func (r *Reader) grid(request []byte) (*grid, bool) {
	root := gjson.ParseBytes(request)
	for _, path := range r.features {
		if v := root.Get(path); v.Exists() {
			return gridOf(v, r.config.Format == Plain)
		}
	}
	return &grid{}, false
}

// readInputs takes the inputs that are compared out of every row.
func (r *Reader) readInputs(g *grid) [][]float64 {
	if len(r.inputs) == 0 {
		return nil
	}
	places := make([]int, len(r.inputs))
	for i, in := range r.inputs {
		places[i] = r.place(g, in.Feature)
	}
	values := make([]float64, g.read()*len(places))
	out := make([][]float64, g.read())
	for i := range out {
		row := g.row(i)
		out[i], values = values[:len(places):len(places)], values[len(places):]
		for j, place := range places {
			out[i][j] = at(row, place).value
		}
	}
	return out
}

// place of a feature: its column's name in the request, else in the contract,
// else its number.
func (r *Reader) place(g *grid, feature string) int {
	if i, ok := g.places[feature]; ok {
		return i
	}
	if c := r.config.Contract; c != nil && g.names == nil {
		for i := range c.Columns {
			if c.Columns[i].Name == feature {
				return i
			}
		}
	}
	return index(feature)
}

// index is a place written as a number, -1 for another text.
func index(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > maxColumns {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	if s == "" {
		return -1
	}
	return n
}

// readAnswer says whether the answer is one of a model that did its work.
func (r *Reader) readAnswer(x Exchange, out *Reading) (answer gjson.Result, ok bool) {
	ok = x.Status >= 200 && x.Status < 300
	trouble := x.AnswerTrouble
	if trouble == Fine {
		trouble = strictly(x.Answer)
	}
	if trouble == Fine {
		answer = gjson.ParseBytes(x.Answer)
	}
	if ok || trouble == TooLarge || trouble == Coding {
		out.AnswerTrouble = trouble // a refusal may be of any form
	}
	return answer, ok
}

// fails looks at the rules for the body.
func (r *Reader) fails(answer gjson.Result, ok bool, asked int, out *Reading) bool {
	if len(r.body) == 0 {
		return false
	}
	if t := out.AnswerTrouble; t == TooLarge || t == Coding {
		out.Unchecked = true
		return false
	}
	for _, rule := range r.body {
		if rule.breaks(answer, ok, asked) {
			return true
		}
	}
	return false
}
