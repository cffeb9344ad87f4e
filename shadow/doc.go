// Package shadow owns the mirror of a route: copies of live requests that are
// sent to the candidate, the comparison of both answers, and what came of it.
//
// It never knows the way of the live answer. The data plane hands over bytes
// (Sample, Copy, Offer) and goes on; none of the three waits for anything. What
// there is no room for is dropped, with a reason, and counted.
package shadow
