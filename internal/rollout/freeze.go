package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container without a time zone database knows Berlin too
)

// Freeze is a time in which nothing starts, advances or is promoted, by the
// wall clock. Either days of the week with times of day, or dates. Both ends are
// in it: "23:59" is the end of the day.
type Freeze struct {
	Days []string `yaml:"days,omitempty" json:"days,omitempty"` // mon … sun; none: every day, or dates
	From string   `yaml:"from" json:"from"`                     // "16:00" or 2026-12-20
	To   string   `yaml:"to" json:"to"`
	Zone string   `yaml:"zone,omitempty" json:"zone"` // such as Europe/Berlin; UTC
}

const (
	timeOfDay = "15:04"
	dateOnly  = time.DateOnly
	// mostFreezes bounds how many freezes in a row are looked through.
	mostFreezes = 1000
)

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (f *Freeze) setDefaults() { fill(&f.Zone, "UTC") }

func (c Config) validateFreeze(report reporter) {
	for i, f := range c.Freeze {
		f.validate(fmt.Sprintf("freeze[%d]", i), report)
	}
}

func (f Freeze) validate(at string, report reporter) {
	if _, err := time.LoadLocation(f.Zone); err != nil {
		report(at+".zone", f.Zone, "a time zone such as Europe/Berlin or UTC")
	}
	for i, day := range f.Days {
		if !slices.Contains(weekdays, day) {
			report(fmt.Sprintf("%s.days[%d]", at, i), day, "one of mon, tue, wed, thu, fri, sat, sun")
		}
	}
	form, wanted := dateOnly, "a date such as 2026-12-20, or a time of day such as 16:00"
	if _, err := time.Parse(timeOfDay, f.From); err == nil || len(f.Days) > 0 {
		form, wanted = timeOfDay, "a time of day such as 16:00"
	}
	from, err := time.Parse(form, f.From)
	if err != nil {
		report(at+".from", f.From, wanted)
		return
	}
	to, err := time.Parse(form, f.To)
	switch {
	case err != nil && form == dateOnly:
		report(at+".to", f.To, "a date such as 2027-01-03")
	case err != nil:
		report(at+".to", f.To, "a time of day such as 23:59")
	case to.Before(from):
		report(at+".to", f.To, "no earlier than "+f.From+": a freeze over midnight is two entries")
	}
}

// until is the first moment behind the freeze that holds at now; false when none
// does.
func (f Freeze) until(now time.Time) (time.Time, bool) {
	zone, err := time.LoadLocation(f.Zone)
	if err != nil {
		return time.Time{}, false // refused when the policy was loaded
	}
	now = now.In(zone)
	if from, err := time.ParseInLocation(dateOnly, f.From, zone); err == nil {
		to, err := time.ParseInLocation(dateOnly, f.To, zone)
		end := to.AddDate(0, 0, 1)
		return end, err == nil && !now.Before(from) && now.Before(end)
	}
	if len(f.Days) > 0 && !slices.Contains(f.Days, weekdays[now.Weekday()]) {
		return time.Time{}, false
	}
	from, err1 := time.Parse(timeOfDay, f.From)
	to, err2 := time.Parse(timeOfDay, f.To)
	at := func(t time.Time, minute int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute()+minute, 0, 0, zone)
	}
	end := at(to, 1)
	return end, err1 == nil && err2 == nil && !now.Before(at(from, 0)) && now.Before(end)
}

// Frozen says until when nothing may start, advance or be promoted; false when
// it may now. Freezes that follow on one another are one.
func (c Config) Frozen(now time.Time) (until time.Time, frozen bool) {
	for range mostFreezes {
		on := false
		for _, f := range c.Freeze {
			if end, ok := f.until(now); ok {
				now, until, on, frozen = end, end, true, true
			}
		}
		if !on {
			break
		}
	}
	return until, frozen
}

// Text is the freeze in words.
func (f Freeze) Text() string {
	if len(f.Days) > 0 {
		return fmt.Sprintf("%s from %s to %s (%s)", strings.Join(f.Days, ", "), f.From, f.To, f.Zone)
	}
	return fmt.Sprintf("from %s to %s (%s)", f.From, f.To, f.Zone)
}
