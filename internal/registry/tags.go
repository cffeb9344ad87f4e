package registry

// What Headgate leaves in the registry: tags on versions, and tags and
// write-once parameters on the rollout's run.
const (
	// tagRollout is on both versions while the rollout is unfinished.
	tagRollout = "headgate.rollout"
	// tagBinding, beside it, is the Binding as JSON: enough to end an orphan.
	tagBinding = "headgate.binding"
	// tagRolledBack is on a version that a rollout took back; the rollout's id.
	tagRolledBack = "headgate.rolled_back"
	// tagPromoted is on a version that a rollout promoted; the rollout's id.
	tagPromoted = "headgate.promoted"
	// tagStatus is "archived" on versions taken out of use where aliases stand
	// for stages.
	tagStatus      = "headgate.status"
	statusArchived = "archived"

	// runTagRollout finds the rollout's run again after a crash.
	runTagRollout = "headgate.rollout_id"
	// runTagProduction is what was in Production at the start, "1" or "1,4".
	runTagProduction = "headgate.production_at_start"
	// runTagPromoting is "yes" while a promoter may still be writing: a
	// restoration then stays on watch.
	runTagPromoting = "headgate.promoting"
	// runTagReport says where the report is.
	runTagReport = "headgate.report"
	runTagStatus = "headgate.rollout_status"

	// paramPromote and paramRollback are the fences: the first value wins.
	paramPromote  = "headgate.promote"
	paramRollback = "headgate.rollback"
)

const (
	opBegin   = "begin the rollout"
	opPromote = "promote"
	opRestore = "restore the baseline"
)
