//go:build !race

package kpi

const raceOn = false
