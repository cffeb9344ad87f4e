// Command judge simulates rollouts and prints, as markdown, how often the judge
// takes a healthy candidate back and how long it takes to see a bad one, each
// beside the bar it has to meet. It exits with 1 when a bar is missed.
//
// The judge is the real one, and strata are closed by the rule of production;
// rows marked "recorder" also send every request through the real recorder and
// its snapshots. Same seed, same table.
package main
