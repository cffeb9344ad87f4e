package main

import (
	"fmt"
	"time"
)

// ending says who finished a rollback after the kill.
type ending string

const (
	durable    ending = "durable"     // the order was in the journal
	judged     ending = "judge"       // the judge, from the stored evidence, at weight 0
	judgedNew  ending = "judge again" // the judge, after the weight was regained
	byOperator ending = "operator"
)

// result is what became of one kill.
type result struct {
	job        job
	ending     ending
	right      bool // the registry, asked directly
	rightAfter time.Duration
	incidents  int
	early      int           // candidate requests between the restart and the verdict's reading
	offAfter   time.Duration // the last candidate request after the final decision; <= 0: none
	unanswered int64
	notReached bool
	ordered    bool // an operator acted
	notes      []string
	violations []string
}

func (r *result) violate(format string, args ...any) {
	r.violations = append(r.violations, fmt.Sprintf(format, args...))
}

func (r *result) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}
