// Package drill practises a rollback: a rollout of a scratch model whose
// candidate turns bad, on a proxy of its own, with stand-in backends and made-up
// users on loopback, through the same controller, executor, journal and registry
// that a real one takes. It measures how long each part takes and leaves a
// record that a start can be made to ask for.
//
// No listener, backend or version that users depend on is touched: the model in
// the registry is one of the drill's own, "headgate-drill-" and the model's name.
package drill
