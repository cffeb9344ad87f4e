package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
)

// Limits of one cycle's parts; none is a promise.
const (
	cycleLimit    = 3 * time.Minute
	finishLimit   = 75 * time.Second
	judgePatience = 30 * time.Second       // after it, a person steps in
	quiet         = 300 * time.Millisecond // at the end, for a request that should not come
)

// cycle is one rollout, one kill, one restart.
type cycle struct {
	h      *headgate
	book   *book
	users  *users
	job    job
	random *rand.Rand

	failedAt   time.Duration // the candidate began to fail
	killedAt   time.Duration // the process was gone
	killed     time.Time     // the same, wall time, for the journal's times
	answering  time.Duration // the API of the new process answered first
	rightAfter time.Duration // from the restart until MLflow was right
}

// run does it all and reports; an error of its own is a violation too.
func run(ctx context.Context, h *headgate, b *book, j job, dir, model string) result {
	ctx, cancel := context.WithTimeout(ctx, cycleLimit)
	defer cancel()
	c := &cycle{h: h, book: b, job: j, random: newRandom(j.seed)}
	r := result{job: j}
	err := c.whole(ctx, dir, model, &r)
	h.end()
	switch {
	case errors.Is(err, errNotReached):
		r.notReached = true
	case err != nil:
		r.violate("%v", err)
	}
	if len(r.violations) == 0 {
		_ = os.RemoveAll(dir) // litter in a directory of our own, which goes as a whole at the end
	}
	return r
}

func (c *cycle) whole(ctx context.Context, dir, model string, r *result) error {
	if err := c.begin(ctx, dir, model); err != nil {
		return err
	}
	defer c.users.close()
	if err := c.strike(ctx); err != nil {
		return err
	}
	c.killedAt, c.killed = since(c.h.DiedAt), c.h.DiedAt
	c.h.relay.disarm()
	if err := c.again(ctx, r); err != nil {
		return err
	}
	return c.check(ctx, r)
}

// begin brings a rollout of a fresh model into the job's phase.
func (c *cycle) begin(ctx context.Context, dir, model string) error {
	if err := c.h.prepare(dir, model); err != nil {
		return err
	}
	if err := c.book.create(ctx, model); err != nil {
		return err
	}
	c.h.relay.reset(nil)
	if err := c.h.Launch(); err != nil {
		return err
	}
	if err := c.h.Ready(ctx); err != nil {
		return err
	}
	c.users = startUsers(c.h.Traffic)
	err := c.toPhase(ctx)
	if err != nil {
		c.users.close()
	}
	return err
}

func (c *cycle) toPhase(ctx context.Context) error {
	if _, err := c.h.API.Order(ctx, c.h.Model, client.Command{Kind: client.Start, Version: candidateVersion, Reason: "kills"}); err != nil {
		return fmt.Errorf("start the rollout: %w\n%s", err, c.h.Tail())
	}
	if c.job.phase == inCanary {
		return nil
	}
	_, err := c.h.Await(ctx, "the bake", 60*time.Second, func(v client.View) bool { return v.Phase == "baking" })
	return err
}

// again starts the same binary on the same state and lets it, or a person,
// finish.
func (c *cycle) again(ctx context.Context, r *result) error {
	restarted := time.Now()
	if err := c.h.Launch(); err != nil {
		return err
	}
	right := make(chan error, 1)
	go func() {
		err := daemon.Poll(ctx, "the registry right", finishLimit, 50*time.Millisecond, func() (bool, error) {
			s, err := c.book.standing(ctx, c.h.Model)
			return s.right(), err
		})
		c.rightAfter = time.Since(restarted)
		right <- err
	}()
	_, err := c.h.Await(ctx, "rolled back after the kill", finishLimit, func(v client.View) bool {
		if c.answering == 0 {
			c.answering = since(time.Now())
		}
		c.actAsOperator(ctx, v, time.Since(restarted), r)
		return v.Phase == "rolled_back" && !v.Registry.Pending
	})
	if rightErr := <-right; rightErr != nil && err == nil {
		err = fmt.Errorf("the registry right: %w", rightErr)
	}
	r.rightAfter = c.rightAfter
	return err
}

// actAsOperator takes back by hand what came back paused: at once where the job
// says so, else when the judge has not done it for long.
func (c *cycle) actAsOperator(ctx context.Context, v client.View, waited time.Duration, r *result) {
	atOnce := c.job.operator && v.Phase == "paused"
	stuck := waited > judgePatience && v.Phase != "rolling_back" && v.Phase != "rolled_back"
	if r.ordered || (!atOnce && !stuck && v.Reason != "evidence_lost") {
		return
	}
	r.ordered = true
	if stuck {
		r.note("after %s it was %s (%s): %s", judgePatience, v.Phase, v.Reason, v.Message)
	}
	if v.Reason == "evidence_lost" {
		r.violate("the evidence was lost: %s", v.Message)
	}
	if _, err := c.h.API.Order(ctx, c.h.Model, client.Command{Kind: client.Rollback, Reason: "a person after the crash"}); err != nil {
		r.note("the operator was refused: %v", err) // the judge was faster
	}
}
