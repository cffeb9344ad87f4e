// Package canary owns who goes where: the two arms, a candidate's share of
// the traffic, and the salted split that puts a key on an arm.
//
// A split is a value. Raising its weight never moves a key from the candidate
// back to the baseline, and a new salt draws the order of the keys anew. The
// package never sees a request, keeps no state and reads no clock.
package canary
