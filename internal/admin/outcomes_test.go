package admin

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"github.com/headgate/headgate/internal/kpi"
)

const inbox = "/api/v1/outcomes"

func batch(items ...string) string { return `{"outcomes":[` + strings.Join(items, ",") + `]}` }

func reported(t *testing.T, a reply) OutcomeReport {
	t.Helper()
	var r OutcomeReport
	if err := json.Unmarshal([]byte(a.body), &r); err != nil || a.status != 200 {
		t.Fatalf("%d %s %v", a.status, a.body, err)
	}
	return r
}

// The fake answers by the first digit of the id.
func TestOutcomesAreReportedByWhatBecameOfThem(t *testing.T) {
	f := &fake{}
	s := run(t, Config{}, f)
	list := []string{
		`{"request_id":"0a","kind":"click"}`,
		`{"request_id":"0b","kind":"conversion","value":0}`,
		`{"request_id":"1a","kind":"label","value":0.5,"index":3}`,
		`{"request_id":"2a","kind":"value","name":"revenue","value":-12.5,"model":"m"}`,
		`{"request_id":"3a","kind":"click","value":1}`,
		`{"request_id":"4a","kind":"click"}`,
		`{"request_id":"5a","kind":"click"}`,
		`{"kind":"measurement","model":"m","arm":"candidate","name":"gpu","value":0.25}`,
	}
	want := OutcomeReport{Accepted: 3, Duplicate: 1, Conflict: 1, Late: 1, Pending: 1, Unknown: 1, Invalid: []Complaint{}}
	for name, c := range map[string]struct{ body, kind string }{
		"object": {batch(list...), "application/json"},
		"list":   {"[" + strings.Join(list, ",") + "]", "application/json; charset=utf-8"},
		"lines":  {strings.Join(list, "\r\n\n"), "application/x-ndjson"},
	} {
		if got := reported(t, s.ask(t, "POST", inbox, c.body, "Content-Type", c.kind)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if got := *f.outcomes[0].Value; got != 1 {
		t.Errorf("a click without a value is %v, want 1", got)
	}
	if len(f.outcomes) != 3*len(list) || f.outcomes[3].Name != "revenue" || *f.outcomes[3].Value != -12.5 || f.outcomes[2].Index != 3 {
		t.Errorf("%+v", f.outcomes)
	}
}

func TestInvalidOutcomesAreNamedAndTheirNeighboursTaken(t *testing.T) {
	const good = `{"request_id":"0","kind":"click"}`
	long := strings.Repeat("é", 100)
	for _, c := range []struct {
		item string
		want Complaint
	}{
		{`{"request_id":"0","kind":"clik"}`, Complaint{Field: "kind", Value: "clik", Wanted: "one of click, conversion, label, value, measurement"}},
		{`{"kind":"click"}`, Complaint{Field: "request_id", Wanted: "the X-Request-Id of the answer, 1 to 128 bytes"}},
		{`{"request_id":"` + long + `","kind":"click"}`, Complaint{Field: "request_id", Value: strings.Repeat("é", 32) + "…", Wanted: "the X-Request-Id of the answer, 1 to 128 bytes"}},
		{`{"request_id":7,"kind":"click"}`, Complaint{Field: "request_id", Value: "number", Wanted: "text"}},
		{`{"request_id":"0","kind":"click","value":2}`, Complaint{Field: "value", Value: "2", Wanted: "1, or 0 for one that is known not to come"}},
		{`{"request_id":"0","kind":"label"}`, Complaint{Field: "value", Wanted: "a number"}},
		{`{"request_id":"0","kind":"label","value":"1"}`, Complaint{Field: "value", Value: "string", Wanted: "a number"}},
		{`{"request_id":"0","kind":"label","value":1e999}`, Complaint{Field: "value", Value: "number 1e999", Wanted: "a number"}},
		{`{"request_id":"0","kind":"label","value":1,"index":-1}`, Complaint{Field: "index", Value: "-1", Wanted: "0 or more, for a label only"}},
		{`{"request_id":"0","kind":"label","value":1,"index":1.5}`, Complaint{Field: "index", Value: "number 1.5", Wanted: "a whole number of 0 or more"}},
		{`{"request_id":"0","kind":"click","index":1}`, Complaint{Field: "index", Value: "1", Wanted: "0 or more, for a label only"}},
		{`{"request_id":"0","kind":"value","value":1}`, Complaint{Field: "name", Wanted: "1 to 64 letters, digits, _ . or -"}},
		{`{"request_id":"0","kind":"click","name":"x"}`, Complaint{Field: "name", Value: "x", Wanted: "none for a click"}},
		{`{"request_id":"0","kind":"click","arm":"candidate"}`, Complaint{Field: "arm", Value: "candidate", Wanted: "none: the request's own arm counts"}},
		{`{"kind":"measurement","name":"x","value":1,"arm":"left"}`, Complaint{Field: "arm", Value: "left", Wanted: "baseline or candidate"}},
		{`{"kind":"measurement","name":"x","value":1,"arm":"baseline"}`, Complaint{Field: "model", Wanted: "the model it belongs to"}},
		{`{"request_id":"0","kind":"measurement","name":"x","value":1,"arm":"baseline"}`, Complaint{Field: "request_id", Value: "0", Wanted: "none: a measurement belongs to an arm"}},
		{`{"request_id":"0","kind":"click","when":"now"}`, Complaint{Field: "when", Wanted: "one of request_id, kind, value, name, index, model, arm"}},
		{`7`, Complaint{Wanted: "a JSON object, got number"}},
		{`null`, Complaint{Wanted: "a JSON object, got null"}},
		{`{"request_id":"6","kind":"label","value":1}`, Complaint{Field: "kind", Value: "label", Wanted: "a kind that the policy joins: models.NAME.outcomes.windows names them"}},
		{`{"request_id":"7","kind":"label","value":1,"index":9}`, Complaint{Field: "index", Value: "9", Wanted: "a prediction that the answer had, of the first 16"}},
		{`{"request_id":"8","kind":"value","name":"ninth","value":1}`, Complaint{Field: "name", Value: "ninth", Wanted: "one of the names that came before: there is room for no other"}},
	} {
		t.Run(c.item, func(t *testing.T) {
			s := run(t, Config{}, &fake{})
			got := reported(t, s.ask(t, "POST", inbox, batch(good, c.item, good)))
			c.want.Item = 1
			if got.Accepted != 2 || got.Refused != 1 || !reflect.DeepEqual(got.Invalid, []Complaint{c.want}) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			// Alone it is an error that a script sees.
			if p := s.ask(t, "POST", inbox, batch(c.item)).problem(t); p.Status != 422 || !strings.Contains(p.Detail, c.want.Wanted) {
				t.Errorf("alone: %d %s", p.Status, p.Detail)
			}
		})
	}
}

func TestBatchesThatAreRefusedAsAWhole(t *testing.T) {
	const good = `{"request_id":"0","kind":"click"}`
	f := &fake{}
	s := run(t, Config{}, f)
	for _, c := range []struct {
		name, body, kind string
		status           int
		detail           string
	}{
		{"a form", good, "application/x-www-form-urlencoded", 415, "the body has to be JSON"},
		{"nothing", " ", "", 400, "the body is empty"},
		{"no outcomes", `{}`, "", 400, `field "outcomes" is missing`},
		{"no list", `{"outcomes":7}`, "", 400, `field "outcomes": wanted []json.RawMessage, got number`},
		{"another field", `{"outcomes":[],"model":"m"}`, "", 400, `unknown field "model"`},
		{"cut off", `[` + good, "", 400, "the body is not JSON: it ends early"},
		{"broken behind a good one", `[` + good + `,{]`, "", 400, "the body is not JSON"},
		{"two values", `[]` + good, "", 400, "the body holds more than one JSON value"},
		{"too many", batch(strings.Repeat(good+",", MaxOutcomes) + good), "", 413, "5001 outcomes are more than 5000"},
		{"too long", batch(`"` + strings.Repeat("x", maxOutcomesBody) + `"`), "", 413, "the body is longer than 2097152 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.kind != "" {
				header = []string{"Content-Type", c.kind}
			}
			if p := s.ask(t, "POST", inbox, c.body, header...).problem(t); p.Status != c.status || !strings.HasPrefix(p.Detail, c.detail) {
				t.Errorf("%d %q, want %d %q", p.Status, p.Detail, c.status, c.detail)
			}
		})
	}
	if len(f.outcomes) != 0 {
		t.Errorf("%d outcomes of refused batches were taken", len(f.outcomes))
	}
	if got := reported(t, s.ask(t, "POST", inbox, batch())); got.Accepted != 0 {
		t.Errorf("an empty batch: %+v", got)
	}
	// Of lines only the broken ones are refused.
	if got := reported(t, s.ask(t, "POST", inbox, good+"\n{\n"+good, "Content-Type", "application/x-ndjson")); got.Accepted != 2 || got.Refused != 1 || got.Invalid[0].Item != 1 {
		t.Errorf("%+v", got)
	}
}

func TestComplaintsAreBounded(t *testing.T) {
	items := make([]string, 1000)
	for i := range items {
		items[i] = `{}`
	}
	items[500] = `{"request_id":"0","kind":"click"}`
	got := reported(t, run(t, Config{}, &fake{}).ask(t, "POST", inbox, batch(items...)))
	if got.Refused != 999 || len(got.Invalid) != maxComplaints || got.Accepted != 1 {
		t.Errorf("%d refused, %d listed", got.Refused, len(got.Invalid))
	}
}

func TestTooManyBatchesAtOnce(t *testing.T) {
	f := &fake{}
	s := run(t, Config{}, f)
	const item = `[{"request_id":"0","kind":"click"}]`
	slower := func(why string) {
		t.Helper()
		a := s.ask(t, "POST", inbox, item)
		if p := a.problem(t); p.Status != 429 || p.Code != CodeTooMany || a.header.Get("Retry-After") != "1" || len(f.outcomes) != 0 {
			t.Errorf("%s: %d %s", why, a.status, a.body)
		}
	}
	for range outcomesAtOnce {
		s.outcomes.places <- struct{}{}
	}
	slower("places")
	for range outcomesAtOnce {
		<-s.outcomes.places
	}
	s.outcomes.pace.SetLimit(0)
	s.outcomes.pace.SetBurst(0)
	slower("pace")
	s.outcomes.pace.SetLimit(rate.Inf)
	for range 2 * outcomesAtOnce { // every place is given back
		if r := reported(t, s.ask(t, "POST", inbox, item)); r.Accepted != 1 {
			t.Errorf("%+v", r)
		}
	}
}

func TestOutcomeStatsAreForReaders(t *testing.T) {
	a := run(t, Config{}, &fake{}).ask(t, "GET", inbox, "")
	if a.status != 200 || !strings.Contains(a.body, `"model":"churn-model","rollout":"r1","keep":9`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func FuzzOutcomes(f *testing.F) {
	for _, seed := range []string{
		batch(`{"request_id":"0","kind":"click"}`), `[null,1,{}]`, `{"outcomes":[{"kind":"measurement","arm":"baseline","name":"x","value":1}]}`,
		`{"request_id":"0","kind":"label","value":1}` + "\n{", `[{"value":1e400}]`, "\xff", `[{"Request_ID":"0","KIND":"click"}]`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, lines bool) {
		kind := "application/json"
		if lines {
			kind = linesOfJSON[0]
		}
		back := &fake{}
		s := &Server{backend: back, outcomes: newOutcomeDoor()}
		s.outcomes.pace.SetLimit(rate.Inf)
		r := httptest.NewRequest("POST", inbox, strings.NewReader(string(body)))
		r.Header.Set("Content-Type", kind)
		v, err := s.takeOutcomes(httptest.NewRecorder(), r, "")
		for _, o := range back.outcomes {
			if o.Value == nil || o.Kind == "" || (o.RequestID == "") == (o.Kind != Measurement) || o.Kind == Measurement && o.Model == "" {
				t.Fatalf("%q let %+v through", body, o)
			}
		}
		if err != nil {
			if _, foreseen := explain(err, nil); !foreseen {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		got := v.(OutcomeReport)
		if sum := got.Accepted + got.Duplicate + got.Conflict + got.Unknown + got.Late + got.Pending + got.Refused; sum < len(back.outcomes) {
			t.Fatalf("%q: %+v of %d", body, got, len(back.outcomes))
		}
		if _, err := encode(v); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	})
}

func TestResultsHaveTheDigitsTheFakeGoesBy(t *testing.T) {
	for i, want := range []kpi.Result{kpi.OutcomeAccepted, kpi.OutcomeDuplicate, kpi.OutcomeConflict, kpi.OutcomeLate, kpi.OutcomePending, kpi.OutcomeUnknown, kpi.OutcomeUnjoined, kpi.OutcomeNoRow, kpi.OutcomeTooMany} {
		if fmt.Sprint(uint8(want)) != fmt.Sprint(i) {
			t.Errorf("%s is %d, want %d", want, want, i)
		}
	}
}
