package registry

import "context"

// Promote makes the candidate the one version in production, with the baseline
// archived, and reads the registry back until it says so. A rollback of the same
// rollout always wins: it is looked for before the write and after it, and the
// promotion then undoes itself (Superseded). A version that somebody else put
// into production meanwhile stays there (Conflicted).
func (m *MLflow) Promote(ctx context.Context, b Binding) (Outcome, error) {
	c := &change{m: m, op: opPromote, b: b}
	back, err := c.rolledBack(ctx)
	switch {
	case kindOf(err) == Gone:
		return c.end(Conflicted, "the rollout's run "+b.RunID+" was deleted, and nothing is promoted without its fence"), nil
	case err != nil:
		return c.end("", ""), err
	case back && c.run.tags[runTagPromoting] == "yes":
		return c.undo(ctx)
	case back:
		return c.end(Superseded, "the rollout was rolled back"), nil
	}
	won, err := m.fence(ctx, c.op, b.RunID, paramPromote, b.RolloutID)
	if err != nil {
		return c.end("", ""), err
	}
	if !won {
		return c.end(Conflicted, "the run's promotion was decided by somebody else"), nil
	}
	return c.promote(ctx)
}

// rolledBack reads the run and reports whether its rollback fence is written.
func (c *change) rolledBack(ctx context.Context) (bool, error) {
	r, err := c.m.readRun(ctx, c.op, c.b.RunID)
	if err != nil {
		return false, err
	}
	c.run = r
	_, back := r.params[paramRollback]
	return back, nil
}

func (c *change) promote(ctx context.Context) (Outcome, error) {
	announced := false
	out, err := c.promoteRounds(ctx, &announced)
	if !announced || err != nil && !permanent(err) {
		return out, err // with an error that may pass, a write may be under way: the tag stays
	}
	if tagErr := c.m.tagRun(ctx, c.op, c.b.RunID, runTagPromoting, "no"); err == nil {
		err = tagErr
	}
	return out, err
}

// announce tells restorations that a write may be under way. The rollback is
// looked for again after it: either the restoration sees the tag, or this
// promoter sees the fence.
func (c *change) announce(ctx context.Context) error {
	return c.m.tagRun(ctx, c.op, c.b.RunID, runTagPromoting, "yes")
}

func (c *change) promoteRounds(ctx context.Context, announced *bool) (Outcome, error) {
	var last error
	found := ""
	for round := range rounds + 1 {
		if err := c.breathe(ctx, round, last); err != nil {
			return c.end("", found), err
		}
		s, err := c.look(ctx)
		if err != nil {
			return c.end("", found), err
		}
		back, err := c.rolledBack(ctx)
		if err != nil {
			return c.end("", found), err
		}
		if back {
			return c.undo(ctx)
		}
		found = s.describe()
		next, why := s.promotion()
		if writes := next == moveRaise || next == moveArchive || next == moveYield; writes && !*announced {
			if err := c.announce(ctx); err != nil {
				return c.end("", found), err
			}
			*announced = true
			continue
		}
		switch next {
		case moveNone:
			return c.end(Done, found), nil
		case moveStop:
			return c.end(Conflicted, why), nil
		case moveYield:
			return c.yield(ctx, why)
		case moveRaise:
			last, err = c.wrote(ctx, "version "+c.b.Candidate+" to Production", c.m.raise(ctx, c.op, c.b.Model, c.b.Candidate))
		case moveArchive:
			last, err = c.wrote(ctx, "version "+c.b.Baseline+" to Archived", c.retire(ctx, s, c.b.Baseline, c.b.Candidate))
		}
		if err != nil {
			return c.end("", found), err
		}
	}
	return c.end("", found), c.unsettled(found, last)
}

// undo takes a promotion back that lost against a rollback.
func (c *change) undo(ctx context.Context) (Outcome, error) {
	c.did("the rollout was rolled back meanwhile: taking the promotion back")
	out, err := c.restore(ctx)
	if err == nil && out.Result == Done {
		out.Result = Superseded
	}
	return out, err
}

// yield takes the candidate out of production again, as somebody put another
// version there at the same time. When that leaves nothing, the baseline goes
// back: something has to be in production.
func (c *change) yield(ctx context.Context, why string) (Outcome, error) {
	stage := c.b.CandidateStage
	if stage == StageProduction || stage == "" {
		stage = StageStaging
	}
	retry, err := c.wrote(ctx, "version "+c.b.Candidate+" back to "+stage, c.m.moveStage(ctx, c.op, c.b.Model, c.b.Candidate, stage, false))
	if err != nil || retry != nil {
		return c.end("", why), firstError(err, retry)
	}
	s, err := c.look(ctx)
	if err != nil {
		return c.end("", why), err
	}
	if len(inProduction(s.versions)) == 0 {
		retry, err = c.wrote(ctx, "version "+c.b.Baseline+" to Production", c.m.raise(ctx, c.op, c.b.Model, c.b.Baseline))
	}
	return c.end(Conflicted, why), firstError(err, retry)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
