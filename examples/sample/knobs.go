package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// knob is one thing that can be wrong with a version: a flag, and a parameter
// of POST /become with _ for -.
type knob struct {
	name, usage, wanted string
	most                float64
	of                  func(*served) *float64
}

var knobs = []knob{
	{"error-rate", "`share` of predictions that fail with 500", "a number from 0 to 1", 1, func(s *served) *float64 { return &s.errorRate }},
	{"nan", "`share` of predictions that are NaN", "a number from 0 to 1", 1, func(s *served) *float64 { return &s.nan }},
	{"jitter", "standard deviation of the latency's `logarithm`", "a number from 0 to 3", 3, func(s *served) *float64 { return &s.jitter }},
	{"slower", "`factor` on the latency, such as 1.2", "a number from 0 to 1000", 1000, func(s *served) *float64 { return &s.slower }},
	{"noise", "`noise` in the scores; 1.8 costs 0.1 of the AUC", "a number from 0 to 100", 100, func(s *served) *float64 { return &s.model.Noise }},
	{"drift", "`shift` of the scores; 1.45 is a PSI of 0.5", "a number from -20 to 20", 20, func(s *served) *float64 { return &s.model.Drift }},
	{"unfair", "`share` of group b's favourable answers that are lost; 0.4 is a parity of 0.6", "a number from 0 to 1", 1, func(s *served) *float64 { return &s.model.Unfair }},
}

// set takes one knob's text.
func (k knob) set(s *served, text string) error {
	v, err := strconv.ParseFloat(text, 64)
	least := 0.0
	if strings.Contains(k.wanted, "-") {
		least = -k.most
	}
	if err != nil || math.IsNaN(v) || v < least || v > k.most {
		return fmt.Errorf("%s %q: wanted %s", k.parameter(), text, k.wanted)
	}
	*k.of(s) = v
	return nil
}

func (k knob) parameter() string { return strings.ReplaceAll(k.name, "-", "_") }

// flagsOf lets a version be described by flags.
func flagsOf(flags *flag.FlagSet, s *served) {
	flags.StringVar(&s.version, "version", "1", "`version` in the health answer")
	flags.Func("latency", "`time` that a prediction takes, the median", func(text string) error { return s.setLatency(text) })
	for _, k := range knobs {
		flags.Func(k.name, k.usage, func(text string) error { return k.set(s, text) })
	}
}

// wished is a version described by parameters. What is not named is as a good
// model has it.
func wished(given url.Values) (s served, err error) {
	if s.version = given.Get("version"); s.version == "" {
		return s, errors.New("version is missing")
	}
	for name, texts := range given {
		if err := s.wish(name, texts[0]); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *served) wish(name, text string) error {
	switch name {
	case "version":
		return nil
	case "latency":
		return s.setLatency(text)
	}
	for _, k := range knobs {
		if k.parameter() == name {
			return k.set(s, text)
		}
	}
	return fmt.Errorf("%q: nothing of that name can be set", name)
}

func (s *served) setLatency(text string) (err error) {
	if s.latency, err = time.ParseDuration(text); err != nil || s.latency < 0 {
		return fmt.Errorf("latency %q: wanted a duration such as 300ms", text)
	}
	return nil
}
