package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
)

const (
	gradualSteps = 4
	gradualUsers = 2 // for each request of a second: everyone comes every two seconds
	// shareOff is five standard deviations of the split of a thousand users.
	shareOff = 0.08
)

// plateau is a stretch in which Headgate says that the weight stays.
type plateau struct {
	weight   float64
	from, to time.Duration
}

// showGradual moves the users in steps, once.
func showGradual(ctx context.Context, o options, dir string, out io.Writer, progress func(string)) error {
	s, err := newScene(ctx, o.headgate, dir, fmt.Sprintf("\n          gradual: {over: 8s, steps: %d}", gradualSteps), patient)
	if err != nil {
		return err
	}
	defer s.close()
	l := startLoad(s.Traffic, o.rate, o.rate*gradualUsers)
	plateaus, err := s.climb(ctx, o.settle)
	all := l.end()
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return err
	}
	progress("the gradual move")
	return printGradual(out, o.rate*gradualUsers, plateaus, all)
}

// climb starts the rollout and follows the weight until it has been whole for a
// while.
func (s *scene) climb(ctx context.Context, settle time.Duration) (p []plateau, err error) {
	time.Sleep(settle)
	p = []plateau{{weight: 0, from: now()}}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	_, err = s.Await(ctx, "the gradual move", daemon.Patience, func(v client.View) bool {
		last, w := &p[len(p)-1], v.Weight.Ratio()
		if w != last.weight {
			p = append(p, plateau{weight: w, from: now()})
			last = &p[len(p)-1]
		}
		last.to = now()
		return w == 1 && last.to-last.from > settle
	})
	return p, err
}

// printGradual holds what users got on each plateau against its weight.
func printGradual(out io.Writer, users int, plateaus []plateau, all []answer) error {
	var wrong []error
	fmt.Fprintf(out, "A gradual move of %d users, `gradual: {over: 8s, steps: %d}`:\n\n| weight | lasted | requests | of them on green | failed |\n|---|---|---|---|---|\n", users, gradualSteps)
	for i, p := range plateaus {
		n, on, failed := 0, 0, 0
		for _, a := range all {
			// The status was read a little before and after the change.
			if a.kind != prediction || a.sent < p.from || a.done > p.to {
				continue
			}
			if n++; a.err != nil {
				failed++
			} else if a.version == green {
				on++
			}
		}
		share := float64(on) / float64(max(n, 1))
		fmt.Fprintf(out, "| %.0f %% | %.1f s | %d | %.1f %% | %d |\n", 100*p.weight, (p.to - p.from).Seconds(), n, 100*share, failed)
		if want := float64(i) / gradualSteps; p.weight != want {
			wrong = append(wrong, fmt.Errorf("plateau %d has weight %v, wanted %v", i, p.weight, want))
		}
		if off := math.Abs(share - p.weight); off > shareOff || (off > 0 && (p.weight == 0 || p.weight == 1)) {
			wrong = append(wrong, fmt.Errorf("at weight %v %.3f of the requests were on green", p.weight, share))
		}
	}
	if len(plateaus) != gradualSteps+1 {
		wrong = append(wrong, fmt.Errorf("%d plateaus, wanted %d", len(plateaus), gradualSteps+1))
	}
	moved, back := steps(all)
	failed, first := failures(all)
	fmt.Fprintf(out, "\n%d requests, **%d failed**; %d users moved, %d moved back.\n\n", len(all), failed, moved, back)
	if back > 0 || moved != users {
		wrong = append(wrong, fmt.Errorf("%d of %d users moved, %d moved back", moved, users, back))
	}
	if failed > 0 {
		wrong = append(wrong, fmt.Errorf("%d requests failed in the gradual move, the first: %w", failed, first))
	}
	return errors.Join(wrong...)
}

// steps counts the users who were on blue and then on green, and those who came
// back: whose request was sent to green's answer and answered by blue.
func steps(all []answer) (moved, back int) {
	onGreen := map[int]time.Duration{} // when the first answer of green was there
	onBlue := map[int]bool{}
	returned := map[int]bool{}
	for _, a := range all {
		if a.kind != prediction || a.err != nil {
			continue
		}
		if a.version == blue {
			onBlue[a.user] = true
		} else if at, ok := onGreen[a.user]; !ok || a.done < at {
			onGreen[a.user] = a.done
		}
	}
	for _, a := range all {
		if at, ok := onGreen[a.user]; ok && a.kind == prediction && a.err == nil && a.version == blue && a.sent > at {
			returned[a.user] = true
		}
	}
	for user := range onGreen {
		if onBlue[user] {
			moved++
		}
	}
	return moved, len(returned)
}
