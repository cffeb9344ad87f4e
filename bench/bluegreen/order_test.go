package main

import (
	"errors"
	"testing"
	"time"
)

// What became of an order is said when nobody reaches the new colour, and nothing
// is left running.
func TestAnOrderThatReachesNobody(t *testing.T) {
	refused, killed := errors.New("refused"), make(chan struct{})
	for name, command := range map[string]func() error{
		"failed long before": func() error { return refused },
		"cut by the kill":    func() error { <-killed; return refused },
	} {
		o := begin(command)
		kills := 0
		err := o.reach(nil, time.Millisecond, func() {
			if kills++; name == "cut by the kill" {
				close(killed)
			}
		})
		if !errors.Is(err, refused) || kills != 1 {
			t.Errorf("%s: %v after %d kills", name, err, kills)
		}
		if err.Error() != "no user reached the new colour\nrefused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	arrived := make(chan struct{})
	close(arrived)
	o := begin(func() error { return nil })
	if err := o.reach(arrived, time.Hour, func() { t.Error("killed") }); err != nil {
		t.Error(err)
	}
	<-o.answered
}
