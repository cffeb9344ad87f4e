package shadow

import "fmt"

// Reason is why a copy was not sent.
type Reason uint8

// The reasons.
const (
	DropBody        Reason = iota // the request's body is larger than max_body
	DropBytes                     // the copies take as many bytes as they may
	DropQueue                     // the queue is full
	DropLate                      // it has waited for longer than the timeout
	DropRead                      // the answers are more bytes than may be read
	DropUnreachable               // no upstream takes connections at the moment
	DropUnanswered                // the client got no answer of an upstream to compare with
	DropCandidate                 // the candidate itself had answered
	DropMalformed                 // the copy is no request that can be sent
	DropClosed                    // the mirror ends or has ended
	DropPanic                     // a fault of the mirror
	reasons
)

// String is the reason as metrics show it.
func (r Reason) String() string {
	switch r {
	case DropBody:
		return "body"
	case DropBytes:
		return "bytes"
	case DropQueue:
		return "queue"
	case DropLate:
		return "late"
	case DropRead:
		return "read"
	case DropUnreachable:
		return "unreachable"
	case DropUnanswered:
		return "unanswered"
	case DropCandidate:
		return "candidate"
	case DropMalformed:
		return "malformed"
	case DropClosed:
		return "closed"
	case DropPanic:
		return "panic"
	default:
		return fmt.Sprintf("reason(%d)", uint8(r))
	}
}

// Failure is why a copy that was sent has no answer.
type Failure uint8

// The failures.
const (
	FailConnect Failure = iota // no connection to the upstream
	FailTimeout                // no answer in time
	FailBroken                 // the connection broke before the end of the answer
	FailInvalid                // the answer is not valid HTTP/1.1
	FailClosed                 // the mirror ended
	FailPanic                  // a fault of the mirror
	failures
)

// String is the failure as metrics show it.
func (f Failure) String() string {
	switch f {
	case FailConnect:
		return "connect"
	case FailTimeout:
		return "timeout"
	case FailBroken:
		return "broken"
	case FailInvalid:
		return "invalid"
	case FailClosed:
		return "closed"
	case FailPanic:
		return "panic"
	default:
		return fmt.Sprintf("failure(%d)", uint8(f))
	}
}
