package proxy

import "fmt"

// result is how an attempt on an arm ended.
type result uint8

const (
	resultOK          result = iota
	resultStatus             // an answer that says 5xx
	resultUnreachable        // no upstream could be reached; nothing was sent
	resultFull               // no connection became free; nothing was sent
	resultBroken             // sent, and no proper answer came
	resultTimeout            // the route's time was over
	resultGone               // the client left before the answer
	resultStreaming          // not known yet: the body is passing through
	results
)

// String returns the value of the label result.
func (r result) String() string {
	switch r {
	case resultOK:
		return "ok"
	case resultStatus:
		return "status"
	case resultUnreachable:
		return "unreachable"
	case resultFull:
		return "full"
	case resultBroken:
		return "broken"
	case resultTimeout:
		return "timeout"
	case resultGone:
		return "gone"
	case resultStreaming:
		return "streaming"
	case results:
	}
	return fmt.Sprintf("result(%d)", uint8(r))
}

// failed says whether the attempt is a failure of the arm.
func (r result) failed() bool { return r.lost() || r == resultStatus }

// lost says whether the arm gave no answer at all.
func (r result) lost() bool {
	return r == resultUnreachable || r == resultFull || r == resultBroken || r == resultTimeout
}

// nothingSent says whether another arm may be asked instead.
func (r result) nothingSent() bool { return r == resultUnreachable || r == resultFull }

// refusal is what the client is told.
func (r result) refusal() *refusal {
	switch r {
	case resultUnreachable:
		return refuseUnreachable
	case resultFull:
		return refuseFull
	case resultTimeout:
		return refuseTimeout
	case resultBroken:
		return refuseBroken
	case resultOK, resultStatus, resultGone, resultStreaming, results:
	}
	panic("BUG: no refusal for " + r.String())
}

func ofStatus(status int) result {
	if status >= 500 {
		return resultStatus
	}
	return resultOK
}
