// Command judge simulates rollouts and prints, as markdown, how often the judge
// takes a healthy candidate back, how long it takes to see a bad one and to
// show that an equal one is safe, each beside the bar it has to meet, the
// theoretical floor and what the rules of other systems do on the same streams.
// It exits with 1 when a bar is missed.
//
// The judge is the real one, and strata are closed by the rule of production;
// rows marked "recorder" also send every request through the real recorder and
// its snapshots. Same seed, same tables, on any number of cores. With --out the
// text and its plots become files.
package main
