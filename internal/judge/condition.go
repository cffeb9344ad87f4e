package judge

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const maxLatency = 100 * time.Second // the layout's last edge

// Condition is a parsed gate condition: <kpi> <op> <bound>. The bound is
// Factor · baseline + Offset, or Offset alone. Offset is in shares (0 to 1) for
// rates, in seconds for latencies and a plain number for the rest.
type Condition struct {
	KPI      string
	Op       string // < <= > >=
	Baseline bool
	Factor   float64 // 1 unless written; 0 when the bound is a number
	Offset   float64
	Text     string

	subject subject
}

// SyntaxError says where a condition stops being one.
type SyntaxError struct {
	Column int // 1-based, in bytes of the condition
	Got    string
	Wanted string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("column %d: got %s, wanted %s", e.Column, e.Got, e.Wanted)
}

// ParseCondition reads `error_rate <= baseline + 0.2%`. The error is a
// *SyntaxError.
func ParseCondition(text string) (Condition, error) {
	p := parser{text: text}
	c, err := p.condition()
	if err != nil {
		return Condition{}, err
	}
	c.Text = strings.Join(strings.Fields(text), " ")
	return c, nil
}

// good says whether the condition points in the direction in which the KPI is
// better.
func (c Condition) good() bool { return strings.HasPrefix(c.Op, ">") == c.more() }

// more says that more is better. Of a value that the policy names nobody knows:
// the condition says it, and turns when the condition is negated.
func (c Condition) more() bool { return c.subject.more }

// marginless says that the bound is the baseline itself.
func (c Condition) marginless() bool { return c.Baseline && c.Factor == 1 && c.Offset == 0 }

// negated turns the limit to advance into the limit to roll back.
func (c Condition) negated() Condition {
	n := c
	n.Op = map[string]string{"<=": ">", "<": ">=", ">=": "<", ">": "<="}[c.Op]
	n.Text = strings.Replace(c.Text, c.Op, n.Op, 1)
	return n
}

// shown is the quantile whose value stands for the gate.
func (c Condition) shown() float64 {
	if c.KPI == latencyAll {
		return .95
	}
	if len(c.subject.quantile) > 0 {
		return c.subject.quantile[0]
	}
	return 0
}

type parser struct {
	text string
	at   int // bytes read
}

func (p *parser) condition() (c Condition, err error) {
	if c.KPI, err = p.kpi(); err != nil {
		return c, err
	}
	c.subject, _ = subjectOf(c.KPI)
	if c.Op, err = p.op(); err != nil {
		return c, err
	}
	if c.subject.either {
		c.subject.more = strings.HasPrefix(c.Op, ">")
	}
	if err = p.bound(&c); err != nil {
		return c, err
	}
	if at, rest := p.peek(); rest != "" {
		return c, p.fail(at, "the end of the condition")
	}
	return c, nil
}

func (p *parser) kpi() (string, error) {
	at, word := p.word()
	if _, ok := subjectOf(word); !ok {
		return "", p.fail(at, "a KPI: "+oneOf(kpis()))
	}
	return word, nil
}

func (p *parser) op() (string, error) {
	at, rest := p.peek()
	for _, op := range []string{"<=", ">=", "<", ">"} {
		if strings.HasPrefix(rest, op) && !strings.HasPrefix(rest[len(op):], "=") {
			p.at = at + len(op)
			return op, nil
		}
	}
	return "", p.fail(at, "<=, <, >= or >")
}

func (p *parser) bound(c *Condition) error {
	at, rest := p.peek()
	if rest != "" && isLetter(rest[0]) {
		if _, word := p.word(); word != "baseline" {
			return p.fail(at, "baseline or a number with its unit, such as "+example(c))
		}
		if !c.subject.relative {
			return p.fail(at, "a number, such as "+example(c)+": "+c.KPI+" is not held against the baseline's")
		}
		c.Baseline, c.Factor = true, 1
		return p.margin(c)
	}
	if c.KPI == latencyAll {
		return p.fail(at, "baseline or baseline * a number: latency compares all quantiles with the baseline, an absolute limit names one, such as latency_p95 <= 200ms")
	}
	v, err := p.quantity(c)
	c.Offset = v
	return err
}

func (p *parser) margin(c *Condition) error {
	at, rest := p.peek()
	if rest == "" {
		return nil
	}
	sign := rest[0]
	p.at = at + 1
	switch {
	case sign == '*':
		return p.factor(c)
	case (sign == '+' || sign == '-') && c.KPI == latencyAll:
		return p.fail(at, "* and a number: latency compares all quantiles with the baseline, a shift in time fits only one of them")
	case sign == '+' || sign == '-':
		v, err := p.quantity(c)
		if sign == '-' {
			v = -v
		}
		c.Offset = v
		return err
	}
	return p.fail(at, "+, - or * after baseline")
}

func (p *parser) factor(c *Condition) error {
	at, number, unit := p.number()
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || unit != "" || v <= 0 || v > 1e6 {
		return p.fail(at, "a plain number above 0, such as 1.2")
	}
	c.Factor = v
	return nil
}

// quantity reads a number with the unit of the KPI.
func (p *parser) quantity(c *Condition) (float64, error) {
	at, digits, unit := p.number()
	switch c.subject.unit {
	case duration:
		d, err := time.ParseDuration(digits + unit)
		if err != nil || digits == "" || unit == "" || d < 0 || d > maxLatency {
			return 0, p.fail(at, "a duration up to 100s with its unit, such as "+example(c))
		}
		return d.Seconds(), nil
	case number:
		return p.plain(at, digits, unit, c)
	case share:
	}
	v, err := percent(digits)
	if err != nil || digits == "" || unit != "%" || v > 1 {
		return 0, p.fail(at, "a percentage up to 100%, such as "+example(c))
	}
	return v, nil
}

// plain reads a number without a unit; 80% is 0.8.
func (p *parser) plain(at int, digits, unit string, c *Condition) (float64, error) {
	read := func(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
	if unit == "%" {
		read, unit = percent, ""
	}
	v, err := read(digits)
	if err != nil || unit != "" {
		return 0, p.fail(at, "a number, such as "+example(c))
	}
	return v, nil
}

// number splits digits from the unit glued to them.
func (p *parser) number() (at int, number, unit string) {
	at, rest := p.peek()
	n := 0
	for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.') {
		n++
	}
	u := n
	for u < len(rest) && (isLetter(rest[u]) || rest[u] == '%') {
		u++
	}
	p.at = at + u
	return at, rest[:n], rest[n:u]
}

func (p *parser) word() (at int, word string) {
	at, rest := p.peek()
	n := 0
	for n < len(rest) && (isLetter(rest[n]) || rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.') {
		n++
	}
	p.at = at + n
	return at, rest[:n]
}

// peek skips blanks and returns what is left.
func (p *parser) peek() (at int, rest string) {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
	return p.at, p.text[p.at:]
}

func (p *parser) fail(at int, wanted string) error {
	got := "the end"
	if fields := strings.Fields(p.text[at:]); len(fields) > 0 {
		got = strconv.Quote(fields[0])
	}
	return &SyntaxError{Column: at + 1, Got: got, Wanted: wanted}
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' }

func example(c *Condition) string {
	switch {
	case c.subject.unit == duration:
		return "200ms"
	case c.KPI == "agreement":
		return "98%"
	case c.subject.unit == share:
		return "2%"
	case c.subject.family == pairs:
		return "0.8"
	case strings.HasPrefix(c.KPI, "psi") || strings.HasPrefix(c.KPI, "ks"):
		return "0.2"
	case c.KPI == "auc" || c.KPI == "f1":
		return "0.9"
	}
	return "5"
}

func oneOf(words []string) string {
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// seconds turns a latency offset into the exact duration it was written as.
func seconds(v float64) time.Duration { return time.Duration(math.Round(v * float64(time.Second))) }
