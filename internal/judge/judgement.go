package judge

// Verdict on a gate or on the candidate as a whole.
type Verdict string

// Only Pass advances. No data is Inconclusive.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
)

// Judgement is what the evidence so far says.
type Judgement struct {
	Verdict        Verdict       `json:"verdict"`
	Reason         string        `json:"reason"`
	Gates          []GateVerdict `json:"gates"`
	Strata         uint64        `json:"strata"`             // closed strata it rests on
	UsersExhausted bool          `json:"users_exhausted"`    // fewer than one in ten requests of the step bring a new user
	Weakened       bool          `json:"weakened,omitempty"` // a key set was full: some users count more than once
	Failed         *GateVerdict  `json:"failed,omitempty"`   // the first gate that takes the candidate back
	Hold           bool          `json:"hold,omitempty"`     // a gate with on_fail: hold has failed
	// Broken says why the arms cannot be compared: users are not split as
	// configured, or labels go missing on one of them; "" = they can. It pauses,
	// and never rolls back.
	Broken string `json:"measurement_broken,omitempty"`
	// Repeat is what the watch over users who were counted before has found; it
	// takes the traffic off, and leaves the registry to a person.
	Repeat *RepeatFailures `json:"repeat_failures,omitempty"`
}

// RepeatFailures is what began to fail after every user was counted.
type RepeatFailures struct {
	Gate      string    `json:"gate"`
	Baseline  *float64  `json:"baseline"`
	Candidate *float64  `json:"candidate"`
	N         ArmCounts `json:"n"` // users and ten minutes
	Evidence  Evidence  `json:"evidence"`
	Reason    string    `json:"reason"`
}

// Evidence is an e-value against its limit; both between 1e-300 and 1e300.
type Evidence struct {
	E     float64 `json:"e"`
	Limit float64 `json:"limit"`
}

// ArmCounts are counted requests per arm, those that the values were measured on.
type ArmCounts struct {
	Baseline  uint64 `json:"baseline"`
	Candidate uint64 `json:"candidate"`
}

// GateVerdict is one gate with the numbers its verdict rests on. Values are
// rates from 0 to 1, seconds or plain numbers; nil where there is none.
type GateVerdict struct {
	Name         string    `json:"name"`
	Require      string    `json:"require"`       // "" for a guard
	RollbackWhen string    `json:"rollback_when"` // as tested, written out when the policy left it to require
	Verdict      Verdict   `json:"verdict"`
	Carried      bool      `json:"carried,omitempty"` // from the last step that had both arms
	Mode         string    `json:"mode"`
	OnFail       string    `json:"on_fail"`
	Message      string    `json:"message,omitempty"`
	Fail         *Evidence `json:"fail"` // toward rolling back, over the whole rollout
	Pass         *Evidence `json:"pass"` // toward advancing, in this step, at its best; nil for a guard
	// MinDetectable is how far beyond its limit to roll back a candidate would
	// have had to be for its failure to be seen by now; points or seconds.
	MinDetectable *float64  `json:"min_detectable"`
	Baseline      *float64  `json:"baseline"` // measured in this step, over the rollout while the step is young
	Candidate     *float64  `json:"candidate"`
	N             ArmCounts `json:"n"`
	// Unit of the values: share, seconds or number.
	Unit string `json:"unit,omitempty"`
	// Recent is what was measured since the evidence toward rolling back began to
	// rise: of a gate that failed, the stretch that convicts.
	Recent *Stretch `json:"recent,omitempty"`
	Reason string   `json:"reason"`
}

// Stretch is a part of a rollout, in seconds of served time.
type Stretch struct {
	FromS     float64   `json:"from_s"`
	ToS       float64   `json:"to_s"`
	Baseline  *float64  `json:"baseline"`
	Candidate *float64  `json:"candidate"`
	N         ArmCounts `json:"n"`
}
