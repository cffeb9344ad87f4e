package main

import (
	"context"
	"sync"
	"time"
)

// spend runs the jobs on the workers; a kill point that was not reached is tried
// twice more.
func (r *rig) spend(ctx context.Context, workers []*headgate, jobs []job) []result {
	todo := make(chan job, len(jobs))
	for _, j := range jobs {
		todo <- j
	}
	close(todo)
	var mu sync.Mutex
	var results []result
	var wait sync.WaitGroup
	began := time.Now()
	for _, h := range workers {
		wait.Go(func() {
			for j := range todo {
				if ctx.Err() != nil {
					return
				}
				res := r.one(ctx, h, j)
				if ctx.Err() != nil {
					return // cut short: no result
				}
				mu.Lock()
				results = append(results, res)
				n := len(results)
				mu.Unlock()
				r.report(n, len(jobs), time.Since(began), res)
			}
		})
	}
	wait.Wait()
	return results
}

func (r *rig) one(ctx context.Context, h *headgate, j job) result {
	var res result
	for range 3 {
		dir, model := r.place()
		if res = run(ctx, h, r.book, j, dir, model); !res.notReached {
			return res
		}
		j.seed++
	}
	res.violate("the kill point was not reached in three tries")
	return res
}

func (r *rig) report(n, of int, took time.Duration, res result) {
	r.say("%3d/%d %5.0f s  %-6s %-52s %-11s right after %s", n, of, took.Seconds(), res.job.phase, res.job.point, res.ending, seconds(res.rightAfter))
	for _, text := range res.notes {
		r.say("        note: %s", text)
	}
	for _, v := range res.violations {
		r.say("        VIOLATION: %s", v)
	}
}
