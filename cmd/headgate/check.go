package main

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/configs"
)

func (c *cli) checkCommand() *cobra.Command {
	var rate string
	var base []string
	var users int
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a policy file and say what it means",
		Long: `Loads a policy exactly as serve does. A good one is printed back in words: every
step, every gate as a sentence, what each route counts as an error, reads and
mirrors, and, with --rate, how long an equal candidate needs in each step to be
shown good enough, which margin could be shown in the hold, and how bad a
candidate is taken back in it. A bad one ends with exit code 1 and one line for
each problem: file, line, column, value, and what was wanted.`,
		Example: `  headgate check policy.yaml
  headgate check policy.yaml --rate 50/s --base error_rate=0.5% --users 20000
  headgate check configs/recommendation-canary.yaml --rate 5/s --base ctr=10%
  headgate check policy.yaml --json`,
		Args: oneArg("file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := describeOptions(rate, base, users)
			if err != nil {
				return err
			}
			return c.check(args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&rate, "rate", "", "`REQUESTS` that both arms get together, such as 50/s or 600/m")
	f.StringArrayVar(&base, "base", nil, "usual value of a KPI, `KPI=SHARE` such as error_rate=0.5% or ctr=10%; may be repeated")
	f.IntVar(&users, "users", 0, "how many different `USERS` the traffic brings during a rollout")
	return c.withJSON(cmd)
}

// checked is what `check --json` prints.
type checked struct {
	File     string                     `json:"file"`
	OK       bool                       `json:"ok"`
	Problems []checkedProblem           `json:"problems"`
	Models   []configs.ModelDescription `json:"models"`
}

type checkedProblem struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"`
	Value  string `json:"value"`
	Wanted string `json:"wanted"`
}

func (c *cli) check(file string, o configs.DescribeOptions) error {
	policy, err := configs.Load(file)
	if err != nil {
		return c.notGood(file, err)
	}
	d := policy.Describe(o)
	if c.json {
		return c.printJSON(checked{File: file, OK: true, Problems: []checkedProblem{}, Models: d.Models})
	}
	lines := strings.Split(strings.TrimSuffix(d.Text(), "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return c.print(strings.Join(lines, "\n") + "\n")
}

// notGood says what is wrong, on standard output too when JSON is asked for.
func (c *cli) notGood(file string, err error) error {
	var found *configs.Errors
	if c.json && errors.As(err, &found) {
		out := checked{File: file, Models: []configs.ModelDescription{}}
		for _, p := range found.Problems {
			out.Problems = append(out.Problems, checkedProblem{p.Line, p.Column, p.Path, p.Value, p.Wanted})
		}
		if err := c.printJSON(out); err != nil {
			return err
		}
	}
	return c.policyError(err)
}

// policyError is errSaid after one line for each problem of a policy, or an
// error that is still to be said.
func (c *cli) policyError(err error) error {
	var found *configs.Errors
	if !errors.As(err, &found) {
		return err
	}
	for _, p := range found.Problems {
		say(c.err, "error: %s\n", clean(p.String()))
	}
	return errSaid
}

func describeOptions(rate string, base []string, users int) (o configs.DescribeOptions, err error) {
	if o.Rate, err = perSecond(rate); err != nil {
		return o, err
	}
	if users < 0 {
		return o, withHint("such as --users 20000", "--users has to be 0 or more, got %d", users)
	}
	o.Users, o.Base = users, map[string]float64{}
	for _, b := range base {
		kpi, text, ok := strings.Cut(b, "=")
		share, err := fraction(text)
		if !ok || kpi == "" || err != nil {
			return o, withHint("such as --base error_rate=0.5%", "--base has to be KPI=SHARE, got %q", b)
		}
		o.Base[kpi] = share
	}
	return o, nil
}

// perSecond reads 50, 50/s, 600/m or 36000/h; "" is 0, not known.
func perSecond(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	per, known := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n > 0) || math.IsInf(n, 0) {
		return 0, withHint("such as --rate 50/s or --rate 600/m", "--rate has to be a number of requests per s, m or h, got %q", text)
	}
	return n / per, nil
}

// fraction reads 0.5% or 0.005 as a share of 0…1.
func fraction(text string) (float64, error) {
	number, percents := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(number, 64)
	if percents {
		n /= 100
	}
	if err == nil && !(n >= 0 && n <= 1) {
		err = strconv.ErrRange
	}
	return n, err
}
