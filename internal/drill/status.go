package drill

import "time"

// Status is what is known of a model's drills.
type Status struct {
	Model string `json:"model"`
	// Running is the drill under way; null without one.
	Running *Running `json:"running"`
	// Last is the drill that ended last; null when there was none.
	Last *Record `json:"last"`
	// Required is what the policy asks of a drill before a start; null: nothing.
	Required *Required `json:"required"`
	// Verified says whether the last drill is all that the policy asks for, or
	// would by default; Why says why not.
	Verified bool   `json:"verified"`
	Why      string `json:"why,omitempty"`
}

// Running is a drill under way.
type Running struct {
	ID      string    `json:"id"` // of its record
	BeganAt time.Time `json:"began_at"`
	By      string    `json:"by"`
	// Progress is what has happened so far, line by line.
	Progress []string `json:"progress"`
}

// Required is the condition of the policy, in seconds.
type Required struct {
	MaxAge float64 `json:"max_age_s"`
	Limits
}
