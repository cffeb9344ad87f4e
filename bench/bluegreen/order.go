package main

import (
	"errors"
	"time"
)

// order is a command that is under way.
type order struct {
	answered chan struct{} // closed when it has ended
	failed   error         // how; read behind answered
}

func begin(command func() error) *order {
	o := &order{answered: make(chan struct{})}
	go func() {
		defer close(o.answered)
		o.failed = command()
	}()
	return o
}

// reach waits for the first user on the new colour. When nobody gets there it ends
// Headgate, and so the command, and says what became of both.
func (o *order) reach(arrived <-chan struct{}, within time.Duration, kill func()) error {
	select {
	case <-arrived:
		return nil
	case <-time.After(within):
		kill()
		<-o.answered
		return errors.Join(errors.New("no user reached the new colour"), o.failed)
	}
}
