package registry

import (
	"context"
	"time"
)

// Restore puts the baseline back into production and archives the candidate,
// and reads the registry back until it says so; from wherever the rollout
// stands, and as often as it is called. by is kept on the run: what decided. It
// never touches a version that somebody else put into production (Conflicted),
// and it wins over every promotion of the same rollout, also one under way.
func (m *MLflow) Restore(ctx context.Context, b Binding, by string) (Outcome, error) {
	c := &change{m: m, op: opRestore, b: b}
	if err := c.fenceRollback(ctx, by); err != nil {
		return c.end("", ""), err
	}
	out, err := c.restore(ctx)
	if err != nil || out.Result != Done || c.run.tags[runTagPromoting] != "yes" {
		return out, err
	}
	return c.watch(ctx, out)
}

// fenceRollback writes the fence and reads the run. From here on no promoter of
// the rollout leaves its change standing. A run that somebody deleted has no
// fences: the registry is restored without.
func (c *change) fenceRollback(ctx context.Context, by string) error {
	if c.b.RunID == "" {
		return nil
	}
	if by == "" {
		by = "headgate"
	}
	_, err := c.m.fence(ctx, c.op, c.b.RunID, paramRollback, by)
	if err == nil {
		c.run, err = c.m.readRun(ctx, c.op, c.b.RunID)
	}
	if kindOf(err) == Gone {
		c.run = run{tags: map[string]string{runTagPromoting: "no"}} // it may have been: the baseline goes back
		c.did("the rollout's run %s was deleted: restored without its fence", c.b.RunID)
		return nil
	}
	return err
}

// restore is steps 4 to 6: read, decide, one call, read back.
func (c *change) restore(ctx context.Context) (Outcome, error) {
	var last error
	found := ""
	for round := range rounds {
		if err := c.breathe(ctx, round, last); err != nil {
			return c.end("", found), err
		}
		s, err := c.look(ctx)
		if err != nil {
			return c.end("", found), err
		}
		found = s.describe()
		next, why := s.restoration()
		switch next {
		case moveNone:
			return c.end(Done, found), nil
		case moveStop:
			return c.end(Conflicted, why), nil
		case moveRaise:
			last, err = c.wrote(ctx, "version "+c.b.Baseline+" to Production", c.m.raise(ctx, c.op, c.b.Model, c.b.Baseline))
		case moveArchive:
			last, err = c.wrote(ctx, "version "+c.b.Candidate+" to Archived", c.retire(ctx, s, c.b.Candidate, c.b.Baseline))
		case moveYield:
			panic("BUG: a restoration never yields")
		}
		if err != nil {
			return c.end("", found), err
		}
	}
	return c.end("", found), c.unsettled(found, last)
}

// retire archives the version that lost. With aliases it also drops the
// candidate's alias, which has done its work either way, and takes the mark of
// an archived version from the one in production.
func (c *change) retire(ctx context.Context, s scene, out, in string) error {
	if !s.isArchived(out) {
		if err := c.m.archive(ctx, c.op, c.b.Model, out); err != nil {
			return err
		}
	}
	if candidate, ok := find(s.versions, c.b.Candidate); ok && s.holdsAlias(c.b.Candidate) {
		if err := c.m.dropCandidateAlias(ctx, c.op, candidate); err != nil {
			return err
		}
	}
	if !s.isTaggedArchived(in) {
		return nil
	}
	return c.m.dropTag(ctx, c.op, c.b.Model, in, tagStatus)
}

const watchEvery = 500 * time.Millisecond

// watch is for a promoter that was cut off in the middle of its write: MLflow
// may still carry that out. As long as that is possible the registry is looked
// at again, and restored again.
func (c *change) watch(ctx context.Context, out Outcome) (Outcome, error) {
	c.did("a promotion was cut off: watching for its write for %s", c.m.settle)
	for until := c.m.now().Add(c.m.settle); c.m.now().Before(until); {
		if err := pause(ctx, min(watchEvery, c.m.settle)); err != nil {
			return out, err
		}
		r, err := c.m.readRun(ctx, c.op, c.b.RunID)
		if err != nil && kindOf(err) != Gone {
			return out, err
		}
		if err == nil {
			c.run = r
		}
		if out, err = c.restore(ctx); err != nil || out.Result != Done {
			return out, err
		}
		if c.run.tags[runTagPromoting] != "yes" {
			return out, nil
		}
	}
	// Nothing of it can be under way any more: a repeated call need not wait.
	if err := c.m.tagRun(ctx, c.op, c.b.RunID, runTagPromoting, "no"); err != nil && kindOf(err) != Gone && kindOf(err) != Invalid {
		return out, err
	}
	return out, nil
}
