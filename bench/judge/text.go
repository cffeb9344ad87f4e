package main

import "fmt"

// The words around the tables. Numbers that a run can change are not in here,
// but for those that explain a difference from somebody else's.

// made says by which command the numbers are; the rest of the text is the same
// for all of them.
func made(o options) string {
	command := fmt.Sprintf("go run ./bench/judge --out docs --seed %d", o.seed)
	if o.runs > 0 {
		command += fmt.Sprintf(" --runs %d", o.runs)
	}
	return "Made by `" + command + "`.\n\n"
}

const heading = `# The judge, simulated

The operator states α. Over a whole rollout, with every look, pause and weight step in it, a candidate that is no worse than its
limits is taken back with probability at most α; one that is worse is found close to the earliest moment at which any method
could find it. This page shows both, on thousands of simulated rollouts, beside the rules of other systems on the same
streams. Why the promise holds is in [internal/judge/DESIGN.md](../internal/judge/DESIGN.md).

` + "`make bench-judge`" + ` makes it anew: some twenty minutes on two free cores (amd64), and the same numbers on any number of them. ` + "`go run ./bench/judge`" + ` with
` + "`--only TEXT`, `--runs N`, `--seed N` or `--quick`" + ` prints parts of it or less exact ones. It exits with 1 when a bar is missed.

## How to read it

- **A rollout** lasts 2 h (4 h where a candidate is to be shown safe), 10 % of the requests go to the candidate, the baseline fails
  in 0.5 % of them, ten minutes of baseline history are known. α = 5 % for the one gate, β = 5 %. Where a row says otherwise, it
  says so. The gate is a guard, ` + "`rollback_when: error_rate > baseline`" + `, or the one the row names.
- **A share** of rollouts carries its one-sided 95 % upper bound (Clopper-Pearson) in brackets.
- **A time** is ` + "`median [5th–95th percentile] (failed)`" + ` in seconds since the candidate turned bad; failed is the median of the requests
  that had failed on the bad candidate by then. ∞: not within the rollout. "before": taken back while still healthy; such
  rollouts are left out of the times.
- **Bars** are met within two standard errors, as a simulation has noise; where the measured value itself is above, the row says "met within 2 s.e.". Under
  "What is promised" the bound itself has to meet the bar.
- **Floor** is ln(1/α)/I, the mean delay that no method can beat: I = min over p of ρ·KL(pc‖a·p+d) + (1−ρ)·KL(pb‖p) nats a request, ρ the candidate's share
  (for 0.5 % → 1, 2.5 and 20.5 %: 1.7007393e-4, 1.6865143e-3, 3.7850065e-2). Where rates or weights move it is the time at which the
  information adds up to ln(1/α). For latencies: two log-normals whose shape is known. For SAFE rows with β. A median can lie below a
  floor, which is one of the mean.
- **Real and simulated.** The judge is the real one, strata are closed by the rule of production, and the controller looks every 250 ms. Rows marked
  "recorder" send every request through the recorder of the hot path and its snapshots. All others count directly; a test holds that both are judged alike,
  sticky users and latencies included. Requests come as Poisson streams, whose counts per arm and outcome are drawn exactly.

### The rules of others

Written anew from their documentation, each looking once a minute at the last minute, every request counted. A rule that looks takes the candidate back at
once, which is kinder than life: Flagger acts one interval later.

| column | rule |
|---|---|
| Flagger, 5 checks | interval 1 min, threshold 5: the fifth failed check takes it back, and nothing resets the count. A check fails with a success rate under 99 % or a p99 above 500 ms, the values in its documentation |
| Argo, limit 1 and 3 | AnalysisTemplate with interval 1 min and failureLimit 1 or 3, the failed measurements that are tolerated; successCondition ` + "`result >= 0.99`" + `, as strict as Flagger's |
| Argo, limit 3, 95 % | the same with ` + "`result >= 0.95`" + `, the value in its documentation |
| z-test | all requests since the start, candidate against baseline (pooled proportions; means for latencies; AUCs with Hanley and McNeil's error), one-sided p < 5 %, looked at each minute as if once |
| Mann-Whitney | one point per arm and minute (error rate, mean latency, rate of no click, 1 − AUC), ranks of all minutes since the start, one side of a 98 % interval, which is the confidence of Kayenta's judge; from the tenth minute on. Kayenta's tolerance around the interval is left out, and it would ask for fifty points |

The fixed limits know no baseline: at 5 and 50 requests/s chance alone takes a healthy minute of the candidate under 99 % often enough that
every rollout of 2 h ends in a rollback; at 500 it does not, and a limit that chance hardly ever crosses (95 %) does not see 2 points of errors
either. The z-test sees fast because it spends 5 % at every look: a third and more of its healthy rollouts are gone. A fast time in these columns is worth
what the same column says of healthy candidates.

Measured before, elsewhere, for 10 % weight, 0.5 % errors and 2 h: a fixed limit rolls back a healthy candidate with probability 1.00 at 5 and 50 requests/s; the z-test 0.30–0.35;
Mann-Whitney at most 0.07, with 600 s to see 2 points at 50 requests/s and never the small regressions at 5. We find the same, with two differences. Our z-test takes back somewhat
more, up to 0.40 at 50 requests/s, as it begins to look after one minute, when one or two failures of the candidate are all it has and the normal approximation is at its worst. And
our Mann-Whitney does find 2 points at 5 requests/s within the 2 h in most rollouts, after about an hour.

`

const promisedIntro = `The rows that the project is judged by; through the recorder.`

const pictures = `## In pictures

![Share of rollouts taken back over time, by rule: of a candidate with 2 points more errors, and of a healthy one](judge/delay.svg)

50 requests/s. Left, earlier is better. Right, every line is a mistake.

![Evidence over time of fifteen rollouts: healthy, bad at once, bad after an hour](judge/evidence.svg)

50 requests/s, five rollouts each. The evidence E of a healthy candidate sinks, with bumps; the chance that it ever reaches 1/α is at most α. A candidate that turns
bad late finds part of the stake unspent: it was held back for later starts.

`

const healthyIntro = `No candidate here is worse than its limit: every rollback is a mistake.

A sticky user is drawn by the hash of the key, makes ten requests in a row, and they all end alike: 0.4 % of the users always fail, the others with the rest of the 0.5 %.
Headgate counts the first outcome of each user; the row below shows what that is for. The peers count every request. Latencies are
log-normal (median 50 ms, σ = 0.3), with 0.5 % errors, which count as over every threshold; in these rows the z-test and Mann-Whitney look at latencies, the
fixed limits at what they know, so that their rollbacks are for the errors.

In the rows of margins ("boundary", "20 % slower at") the candidate is as bad as its limit allows. The peers know no margin: they are right that the candidate differs.`

const badIntro = `Every candidate here is worse than its limit. The fixed limits see no latency of 60 ms: in those rows they act on the errors that both arms have. For latency the delay hangs
on the spread, which is our choice: at σ = 0.3 the bars are met, at σ = 0.4 those at 5 and 50 requests/s are not; both are shown.`

const floorIntro = `Where the floor is 30 s or more, so that the second for which a stratum stays open does not matter. Mean ± standard error, of the rollouts above.`

const safeIntro = `A step advances only when the gate's ` + "`require`" + ` is shown to hold. The others have no such verdict: what they do not take back, they promote.`

const marginIntro = "`rollback_when: error_rate > baseline + 0.2%`, and `require: error_rate <= baseline + 0.2%` for the last two rows."

const ending = `## What is exact and what is approximate

- **Exact**: error rates and CTR, sharp or with a margin, under any traffic, split and drift that both arms share; enumerated in the tests of internal/judge.
- **Approximate**: latency gates against the baseline (the threshold is estimated from the baseline's past) and AUC (a central limit theorem). Their rows under
  "Healthy candidates" and "Clicks and labels" say how well they keep it.
- **Not covered**: the breaker, a person, and differences that are real but not the model's, such as a cold cache (exclude it with ` + "`warmup`" + `).
- The simulated users, latencies, windows and drifts are ours. Numbers were made on amd64; another architecture may round differently in the last bit and so, rarely, decide a rollout differently.
`
