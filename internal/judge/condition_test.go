package judge

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseCondition(t *testing.T) {
	for _, c := range []struct {
		text string
		want Condition
	}{
		{"error_rate <= 2%", Condition{KPI: "error_rate", Op: "<=", Offset: 0.02}},
		{"error_rate > baseline", Condition{KPI: "error_rate", Op: ">", Baseline: true, Factor: 1}},
		{"error_rate <= baseline + 0.2%", Condition{KPI: "error_rate", Op: "<=", Baseline: true, Factor: 1, Offset: 0.002}},
		{"error_rate<baseline*1.1", Condition{KPI: "error_rate", Op: "<", Baseline: true, Factor: 1.1}},
		{" error_rate  >=  baseline - 0.5% ", Condition{KPI: "error_rate", Op: ">=", Baseline: true, Factor: 1, Offset: -0.005}},
		{"latency_p95 <= 200ms", Condition{KPI: "latency_p95", Op: "<=", Offset: 0.2}},
		{"latency_p99 > baseline * 1.3", Condition{KPI: "latency_p99", Op: ">", Baseline: true, Factor: 1.3}},
		{"latency_p50 > baseline + 20ms", Condition{KPI: "latency_p50", Op: ">", Baseline: true, Factor: 1, Offset: 0.02}},
		{"latency <= baseline * 1.2", Condition{KPI: "latency", Op: "<=", Baseline: true, Factor: 1.2}},
		{"latency_p99 <= 1.5s", Condition{KPI: "latency_p99", Op: "<=", Offset: 1.5}},
	} {
		t.Run(c.text, func(t *testing.T) {
			c.want.Text = strings.Join(strings.Fields(c.text), " ")
			got, err := ParseCondition(c.text)
			c.want.subject, _ = subjectOf(c.want.KPI)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestSyntaxErrorsNameTheColumn(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "column 1: got the end, wanted a KPI: " + oneOf(kpis())},
		{"clicks >= baseline", `column 1: got "clicks", wanted a KPI: ` + oneOf(kpis())},
		{"error_rate = 1%", `column 12: got "=", wanted <=, <, >= or >`},
		{"error_rate <== 1%", `column 12: got "<==", wanted <=, <, >= or >`},
		{"error_rate <=", "column 14: got the end, wanted a percentage up to 100%, such as 2%"},
		{"error_rate <= 2", `column 15: got "2", wanted a percentage up to 100%, such as 2%`},
		{"error_rate <= 101%", `column 15: got "101%", wanted a percentage up to 100%, such as 2%`},
		{"error_rate <= 200ms", `column 15: got "200ms", wanted a percentage up to 100%, such as 2%`},
		{"error_rate <= bassline + 1%", `column 15: got "bassline", wanted baseline or a number with its unit, such as 2%`},
		{"error_rate <= baseline / 2", `column 24: got "/", wanted +, - or * after baseline`},
		{"error_rate <= baseline * 110%", `column 26: got "110%", wanted a plain number above 0, such as 1.2`},
		{"error_rate <= baseline * 0", `column 26: got "0", wanted a plain number above 0, such as 1.2`},
		{"error_rate <= baseline + 1% now", `column 29: got "now", wanted the end of the condition`},
		{"latency_p95 <= 2%", `column 16: got "2%", wanted a duration up to 100s with its unit, such as 200ms`},
		{"latency_p95 <= 200", `column 16: got "200", wanted a duration up to 100s with its unit, such as 200ms`},
		{"latency <= 200ms", `column 12: got "200ms", wanted baseline or baseline * a number: latency compares all quantiles with the baseline, an absolute limit names one, such as latency_p95 <= 200ms`},
		{"latency <= baseline + 20ms", `column 21: got "+", wanted * and a number: latency compares all quantiles with the baseline, a shift in time fits only one of them`},
	} {
		t.Run(c.text, func(t *testing.T) {
			_, err := ParseCondition(c.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func FuzzParseCondition(f *testing.F) {
	for _, seed := range []string{"error_rate <= baseline + 0.2%", "latency_p95 <= 200ms", "latency > baseline * 1.2", "a\x00% <", "error_rate <= .%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Column < 1 || syntax.Column > len(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if math.IsNaN(c.Offset) || math.IsInf(c.Offset, 0) || math.IsNaN(c.Factor) || math.IsInf(c.Factor, 0) {
			t.Fatalf("%q: %+v", text, c)
		}
		again, err := ParseCondition(c.Text)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q reads back as %+v, %v", c.Text, again, err)
		}
	})
}

func TestRateText(t *testing.T) {
	for _, c := range []struct {
		text string
		want Rate
	}{{"1%", 0.01}, {"0.2%", 0.002}, {"5%", 0.05}, {"0%", 0}, {"100%", 1}, {"0.07%", 0.0007}, {"12.5%", 0.125}} {
		var got Rate
		if err := got.UnmarshalText([]byte(c.text)); err != nil || got != c.want {
			t.Errorf("%s = %v, %v; want %v", c.text, float64(got), err, float64(c.want))
		}
		if back := c.want.String(); back != c.text {
			t.Errorf("%v prints as %s, want %s", float64(c.want), back, c.text)
		}
	}
	for _, bad := range []string{"1", "", "%", "-1%", "101%", "1e1%", "x%", "NaN%", "Inf%"} {
		if err := new(Rate).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestThresholdsAreExactEdges(t *testing.T) {
	c := Config{Gates: []GateConfig{{Name: "a", Require: "latency_p95 <= 200ms"}, {Name: "b", RollbackWhen: "latency_p99 > baseline + 20ms"}}}
	thresholds := c.Thresholds()
	if thresholds[0] != 200*time.Millisecond || thresholds[len(thresholds)-1] != 100*time.Second+20*time.Millisecond {
		t.Errorf("from %v to %v", thresholds[0], thresholds[len(thresholds)-1])
	}
}
