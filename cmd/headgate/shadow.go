package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) shadowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "Look at what mirrored requests have told",
		Example: `  headgate shadow diff churn-model
  headgate shadow diff churn-model --limit 100`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.shadowDiffCommand())
	return cmd
}

func (c *cli) shadowDiffCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "diff MODEL",
		Short: "Show how the candidate's answers differ from those that users got",
		Long: `Shows what the mirror of the model's route has compared since the rollout began:
the books of the copies, the share of the answers that agree, how much later the
candidate answers, how its scores differ, and the newest pairs of answers that
disagree, place by place.

Values that the policy hides (shadow.redact) are not shown.`,
		Example: `  headgate shadow diff churn-model
  headgate shadow diff churn-model --limit 100
  headgate shadow diff churn-model --json | jq '.pairs[].request_id'`,
		Args: oneArg("model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 || limit > 1000 {
				return withHint("the policy's shadow.samples bounds how many are kept", "--limit has to be a number from 0 to 1000, got %d", limit)
			}
			return c.shadowDiff(cmd.Context(), args[0], limit)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 10, "`PAIRS` to show")
	return c.withJSON(cmd)
}

func (c *cli) shadowDiff(ctx context.Context, model string, limit int) error {
	server, err := c.server()
	if err != nil {
		return err
	}
	report, err := server.Shadow(ctx, model, limit)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(report)
	}
	return c.print(c.shadowText(report))
}

// shadowText is the report for people.
func (c *cli) shadowText(r client.ShadowReport) string {
	var b strings.Builder
	b.WriteString(c.paint(strong, r.Model))
	if r.Rollout != "" {
		say(&b, "  %s", c.paint(faint, "rollout "+r.Rollout))
	}
	b.WriteString("\n")
	now := c.paint(faint, "nothing is mirrored at the moment")
	if r.Mirroring {
		now = fmt.Sprintf("%s of the requests", r.Share)
	}
	say(&b, "%s%s\n", c.label("mirroring"), now)
	c.shadowBooks(&b, r)
	c.shadowCompared(&b, r)
	for _, p := range r.Pairs {
		c.shadowPair(&b, p)
	}
	if all := r.Compared.Disagreed; all > uint64(len(r.Pairs)) {
		say(&b, "\n%s\n", c.paint(faint, fmt.Sprintf("%d of %d pairs that disagree are shown", len(r.Pairs), all)))
	}
	return b.String()
}

func (c *cli) shadowBooks(b *strings.Builder, r client.ShadowReport) {
	q := r.Requests
	say(b, "%s%d offered, %d sent, %d answered", c.label("copies"), q.Offered, q.Sent, q.Answered)
	say(b, "%s%s", listed("dropped", q.Dropped), listed("failed", q.Failed))
	if waiting := q.Queued; waiting > 0 {
		say(b, "; %d wait", waiting)
	}
	b.WriteString("\n")
	if q.Repeated > 0 {
		say(b, "%s%d sent to the baseline a second time, %d of these not answered\n", under, q.Repeated, q.RepeatFailed)
	}
}

// listed is "; 3 dropped (queue 2, late 1)", empty for none.
func listed(what string, by map[string]uint64) string {
	var sum uint64
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		sum += by[name]
		parts = append(parts, fmt.Sprintf("%s %d", clean(name), by[name]))
	}
	if sum == 0 {
		return ""
	}
	return fmt.Sprintf("; %d %s (%s)", sum, what, strings.Join(parts, ", "))
}

func (c *cli) shadowCompared(b *strings.Builder, r client.ShadowReport) {
	p := r.Compared
	if r.Agreement == nil {
		say(b, "%sno pair of answers was compared yet\n", c.label("agreement"))
	} else {
		say(b, "%s%s: %d of %d pairs agree", c.label("agreement"), inPercent(*r.Agreement), p.Agreed, p.Pairs)
		if p.Noise > 0 {
			say(b, ", %d of them as far as the baseline differs from itself", p.Noise)
		}
		b.WriteString("\n")
	}
	if p.Self.Wanted > 0 {
		say(b, "%s%d of %d pairs of the baseline with itself differ, at %d places", c.label("noise"), p.Self.Differed, p.Self.Pairs, p.Self.Places)
		if p.Self.Pairs < p.Self.Wanted {
			say(b, "; known from %d pairs on", p.Self.Wanted)
		}
		say(b, "%s\n", some("; %d came before the noise was known", p.Learning))
	}
	if text := listed("not compared", p.Uncompared); text != "" {
		say(b, "%s%s\n", under, strings.TrimPrefix(text, "; "))
	}
	if d := r.LatencyDifference; d != nil {
		say(b, "%sthe candidate's less the live one: p05 %s, p50 %s, p95 %s, p99 %s\n", c.label("latency"), signed(d.P05), signed(d.P50), signed(d.P95), signed(d.P99))
		say(b, "%sthe candidate's: p50 %s, p95 %s, p99 %s\n", under, signed(p.P50), signed(p.P95), signed(p.P99))
	}
	c.shadowPredictions(b, r)
}

func (c *cli) shadowPredictions(b *strings.Builder, r client.ShadowReport) {
	if p := r.Compared.Predictions; p != nil && p.Rows.N > 0 {
		say(b, "%s%s of %d predictions are the same\n", c.label("classes"), inPercent(float64(p.Rows.K)/float64(p.Rows.N)), p.Rows.N)
		if p.Confusion != nil {
			c.confusion(b, p.Confusion)
		}
	}
	s := r.Compared.Scores
	if s == nil {
		return
	}
	say(b, "%sPSI %s, KS %s\n", c.label("scores"), orNone(s.PSI), orNone(s.KS))
	c.histogram(b, r)
}

// confusion has the live class in rows and the candidate's in columns.
func (c *cli) confusion(b *strings.Builder, m *client.ShadowConfusion) {
	headings := []string{"live \\ candidate"}
	for _, class := range m.Classes {
		headings = append(headings, c.paint(strong, class))
	}
	var rows [][]string
	for i, class := range m.Classes {
		row := []string{c.paint(strong, class)}
		for j := range m.Classes {
			row = append(row, strconv.FormatUint(m.Counts[i][j], 10))
		}
		rows = append(rows, row)
	}
	for line := range strings.Lines(c.grid(headings, rows)) {
		b.WriteString(under + line)
	}
}

// histogramBars is how many bars the differences of scores are shown in.
const histogramBars = 9

// histogram shows the candidate's score less the live one, in bars that are as
// wide as the differences ask for.
func (c *cli) histogram(b *strings.Builder, r client.ShadowReport) {
	most, total := 0.0, uint64(0)
	for _, d := range r.ScoreDifference {
		most, total = max(most, math.Abs(d.From), math.Abs(d.To)), total+d.Count
	}
	if total == 0 {
		return
	}
	var counts [histogramBars]uint64
	width := 2 * most / histogramBars
	for _, d := range r.ScoreDifference {
		at := int(((d.From+d.To)/2 + most) / width)
		counts[min(max(at, 0), histogramBars-1)] += d.Count
	}
	say(b, "%s%s\n", under, c.paint(faint, "the candidate's score less the live one"))
	for i, n := range counts {
		from := -most + float64(i)*width
		say(b, "%s%+8.3f to %+8.3f %s %d\n", under, from, from+width, bar(float64(n)/float64(total)), n)
	}
}

// shadowPair is one pair, place by place.
func (c *cli) shadowPair(b *strings.Builder, p client.ShadowPair) {
	say(b, "\n%s  %s %s  %s\n", c.paint(strong, p.ID), clean(p.Method), clean(p.Path), c.paint(faint, p.At.In(c.zone).Format(time.RFC3339)))
	say(b, "%s%d after %s, candidate %d after %s\n", c.label("answers"), p.Live.Status, signed(p.Live.Latency), p.Shadow.Status, signed(p.Shadow.Latency))
	rows := [][]string{}
	for _, d := range p.Differences {
		rows = append(rows, []string{clean(d.Path), clean(d.Kind), shown(d.Live), shown(d.Shadow)})
	}
	if len(rows) > 0 {
		for line := range strings.Lines(c.grid([]string{"place", "differs in", "live", "candidate"}, rows)) {
			b.WriteString("  " + line)
		}
	}
	if p.More > 0 {
		say(b, "  %s\n", c.paint(faint, fmt.Sprintf("and %d more", p.More)))
	}
}

// shown is a value on one line of a table.
func shown(text string) string {
	const longest = 60
	text = clean(text)
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest-1]) + "…"
	}
	if text == "" {
		return "–"
	}
	return text
}

func some(format string, n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

func inPercent(share float64) string {
	return strconv.FormatFloat(share*100, 'f', 2, 64) + " %"
}

func orNone(v *float64) string {
	if v == nil {
		return "not known yet"
	}
	return strconv.FormatFloat(*v, 'f', 3, 64)
}

// signed is a time in seconds for people, three digits of it.
func signed(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(10 * time.Microsecond).String()
}
