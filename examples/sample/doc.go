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
package main
