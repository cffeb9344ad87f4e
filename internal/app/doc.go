// Package app builds and connects everything: it is the only place that knows
// both the data plane and the registry, and turns the types of one package into
// those that another asked for. It decides nothing.
package app
