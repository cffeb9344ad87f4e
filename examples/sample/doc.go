// Command sample is a model server without a model: enough of one to try
// Headgate in seconds, without Python. It answers /health, /predict and
// /reload as the worked example's backend does, and becomes a worse version of
// itself when asked to.
//
//	sample --listen 127.0.0.1:8000 --version 2 --error-rate 0.5
//	sample pair --rate 50 -- headgate serve
//
// The second form serves a production and a staging backend, sends requests
// through the proxy and runs the command between them; when either ends, all end.
//
// What can be wrong with a version is set by flags, or while it runs by
//
//	curl -X POST 'http://127.0.0.1:8000/become?version=3&noise=1.8'
//
//	error_rate  share of predictions that fail with 500
//	nan         share of predictions that are a bare NaN, with status 200
//	latency     median time of a prediction, such as 20ms
//	jitter      standard deviation of its logarithm, such as 0.3
//	slower      factor on it, such as 1.2
//	noise       in the scores: 1.8 costs 0.1 of the AUC
//	drift       of the scores: 1.45 is a PSI of 0.5
//	unfair      share of group b's favourable answers that are lost: 0.4 is a parity of 0.6
//
// What is not named is as a good model has it. Which label a row has in truth is
// in package world, for drivers that post labels.
package main
