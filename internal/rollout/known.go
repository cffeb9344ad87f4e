package rollout

// Known is what the registry says about a model outside of any rollout; app
// looks every few seconds and whenever a rollout has ended.
type Known struct {
	// Baseline is the one Production version; "" when there is none or more.
	Baseline string
	// Reason is no_baseline or orphaned, with words about it; "" = all is well.
	Reason  Reason
	Message string
}

// SetKnown takes what the registry was seen to say. A live rollout goes by its
// own record.
func (c *Controller) SetKnown(k Known) { c.known.Store(&k) }

// showKnown fills in a view that no rollout speaks for.
func (c *Controller) showKnown(v *View) (baseline string) {
	k := c.known.Load()
	switch {
	case v.Phase.Live():
		return v.Baseline.Version
	case k == nil && v.Phase == Promoted:
		return v.Candidate.Version
	case k == nil:
		return v.Baseline.Version
	}
	if v.Phase == None {
		v.Baseline.Version, v.Reason = k.Baseline, k.Reason
		if k.Message != "" {
			v.Message = k.Message
		}
	}
	return k.Baseline
}
