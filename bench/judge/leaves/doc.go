// Command leaves simulates the statistics of internal/judge/sequential, each
// exactly on the boundary of its limit and looked at after every stratum, and
// prints as markdown how often they ever cross 1/α, and how many samples they
// take to see a stated regression or to show an equal candidate safe. It exits
// with 1 when a share's 95 % upper bound lies above α. Same seed, same table.
package main
