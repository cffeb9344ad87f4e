package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/headgate/headgate/internal/kpi"
)

// DefaultFor is how long an expression has to be false without a break before
// its gate fails, and true before it passes.
const DefaultFor = time.Minute

// free is a condition for what the grammar cannot say: an expression over the
// values measured in the step. It is no test: no promise covers it. A value that
// is missing makes it inconclusive, never 0.
type free struct {
	text    string
	program *vm.Program
	reads   []read
}

// read is a value that the expression names.
type read struct {
	name string // as the expression says it: candidate.auc
	kpi  Condition
	arm  kpiArm
}

// freeState is exported for the checkpoint.
type freeState struct {
	Known bool // every value was there in the last stratum
	Now   bool // what the expression said of them
	Since time.Duration
	Began bool // Since is set
	Holds bool // true for long enough
	Fails bool // false for long enough
}

// armsOf the names in an expression.
var armsOf = map[string]kpiArm{"candidate": kpi.Candidate, "baseline": kpi.Baseline}

func (g *gate) compile() error {
	f, err := parseFree(g.config.Expr)
	if err != nil {
		return err
	}
	g.free = f
	for _, r := range f.reads {
		w := r.kpi.wanted()
		g.wanted.add(w.names, w.prefixes)
	}
	return nil
}

// parseFree compiles an expression against the KPIs: candidate.error_rate,
// baseline.latency_p95 (seconds), candidate["psi.tenure"]. The error says what
// was wanted.
func parseFree(text string) (*free, error) {
	f := &free{text: text}
	env := map[string]any{"candidate": map[string]float64{}, "baseline": map[string]float64{}}
	names := &namesIn{}
	program, err := expr.Compile(text, expr.Env(env), expr.AsBool(), expr.DisableAllBuiltins(), expr.Patch(names))
	if err != nil {
		return nil, fmt.Errorf("an expression that is true or false, such as \"candidate.auc >= 0.8 or candidate.error_rate < baseline.error_rate\": %s", firstLine(err))
	}
	f.program = program
	for _, name := range names.found {
		arm, kpiName, _ := strings.Cut(name, ".")
		s, ok := subjectOf(kpiName)
		if !ok || s.family == tail && len(s.quantile) > 1 {
			return nil, fmt.Errorf("a KPI instead of %s: %s", name, oneOf(kpis()))
		}
		f.reads = append(f.reads, read{name: name, kpi: Condition{KPI: kpiName, subject: s}, arm: armsOf[arm]})
	}
	if len(f.reads) == 0 {
		return nil, fmt.Errorf("an expression over KPIs, such as candidate.error_rate < 0.02")
	}
	return f, nil
}

// firstLine of an error of the library, which draws the place below it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// namesIn collects arm.kpi and arm["kpi"] while the expression is compiled.
type namesIn struct{ found []string }

// Visit is the compiler's call for each node.
func (n *namesIn) Visit(node *ast.Node) {
	member, ok := (*node).(*ast.MemberNode)
	if !ok {
		return
	}
	arm, isName := member.Node.(*ast.IdentifierNode)
	property, isText := member.Property.(*ast.StringNode)
	if !isName || !isText {
		return
	}
	if _, ok := armsOf[arm.Value]; !ok {
		return
	}
	if name := arm.Value + "." + property.Value; !slices.Contains(n.found, name) {
		n.found = append(n.found, name)
	}
}

// add asks the expression what it says of the step so far.
func (f *free) add(state *gateState, in *closed, patience time.Duration) {
	s := &state.Free
	holds, known := f.ask(in.value)
	switch {
	case !known:
		*s = freeState{}
		return
	case !s.Began || holds != s.Now:
		s.Began, s.Since = true, in.From
	}
	s.Known, s.Now = true, holds
	long := in.To-s.Since >= patience
	s.Holds, s.Fails = holds && long, !holds && long
	if s.Fails {
		state.Failed = true
	}
}

// ask evaluates the expression; not known when a value is missing.
func (f *free) ask(value func(string, kpiArm) *float64) (holds, known bool) {
	env := map[string]any{}
	arms := map[string]map[string]float64{"candidate": {}, "baseline": {}}
	for _, r := range f.reads {
		v := value(r.kpi.KPI, r.arm)
		if v == nil {
			return false, false
		}
		arm, name, _ := strings.Cut(r.name, ".")
		arms[arm][name] = *v
	}
	for arm, values := range arms {
		env[arm] = values
	}
	out, err := expr.Run(f.program, env)
	if err != nil {
		return false, false
	}
	holds, known = out.(bool)
	return holds, known
}

// valueNow is a KPI as measured in the step so far; nil below the least traffic.
func (j *Judge) valueNow(name string, arm kpiArm) *float64 {
	s, ok := subjectOf(name)
	if !ok || j.state.arrived() < j.config.MinRequests {
		return nil
	}
	c := Condition{KPI: name, subject: s}
	if c.counted(j.state.InStep[arm]) == 0 && !c.betweenArms() {
		return nil
	}
	return c.valueOf(j.layout, j.state.measured(c, j.config.MinRequests), nil, arm)
}

// reason of an expression's verdict.
func (f *free) reason(s freeState, value func(string, kpiArm) *float64, patience time.Duration) string {
	var values []string
	for _, r := range f.reads {
		values = append(values, r.name+" = "+r.kpi.value(value(r.kpi.KPI, r.arm)))
	}
	now := strings.Join(values, ", ")
	switch {
	case !s.Known:
		return "not known yet: " + now
	case s.Holds:
		return fmt.Sprintf("true for %s: %s", patience, now)
	case s.Fails:
		return fmt.Sprintf("false for %s: %s", patience, now)
	}
	return fmt.Sprintf("%t, for less than %s so far: %s", s.Now, patience, now)
}
