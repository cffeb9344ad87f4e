// Package sequential turns counts and histograms into evidence that may be
// looked at any time: AUC, F1, RMSE, calibration, means, PSI, KS, the split of
// the traffic and shares of both arms. It knows no gates, strata or
// rollouts and imports nothing of ours.
//
// Evidence is ln E: E >= 1/alpha when the level-alpha confidence sequence of the
// quantity excludes the limit. Evidence never leaves ±1e6 and is never NaN.
// Which of the promises is exact and which holds for large samples only, and
// the simulation behind them, is in DESIGN.md. All functions are pure and
// deterministic; the accumulating types have exported state and are not safe for
// concurrent use.
package sequential
