package rollout

import (
	"context"
	"time"

	"github.com/headgate/headgate/canary"
)

// Driven is a controller whose time passes by hand, on the caller's goroutine: a
// rollout of hours takes as long as its journal needs.
type Driven struct{ *Controller }

// Drive takes the place of Run; Restore has to have been called.
func Drive(ctx context.Context, c *Controller) Driven {
	c.ctx, c.lastTick = ctx, c.Clock()
	c.takeUp()
	d := Driven{c}
	d.settled()
	return d
}

// Tick looks at everything once, as the ticker does.
func (d Driven) Tick() {
	d.tick()
	d.settled()
}

// Give carries out an order.
func (d Driven) Give(cmd Command) error {
	e := Commanded{Command: cmd, Health: d.Traffic.Health(d.model), Gates: d.View().Gates}
	if cmd.Kind == Start {
		n, err := d.prepare(d.ctx, cmd, e.Health)
		if err != nil {
			return err
		}
		e.New = n
	}
	err := d.handle(e)
	d.settled()
	return err
}

// Handle gives it an event.
func (d Driven) Handle(t interface{ Fatal(...any) }, e Event) {
	if err := d.handle(e); err != nil {
		t.Fatal(err)
	}
	d.settled()
}

// State is where it stands.
func (d Driven) State() State { return d.state }

// Strata closed so far.
func (d Driven) Strata() uint64 { return d.strata() }

// Stop ends the work under way.
func (d Driven) Stop() { d.jobs.Wait() }

// settled waits for the jobs and takes what they report.
func (d Driven) settled() {
	for {
		d.jobs.Wait()
		select {
		case m := <-d.mailbox:
			if err := d.handle(m.event); err != nil {
				panic("BUG: " + err.Error())
			}
		default:
			return
		}
	}
}

// What the tests outside of this package need of those inside.

// Shelf is a registry, reloader, executor and incidents in memory.
type Shelf = shelf

// Lane is traffic in memory: what was assigned, and a health that tests set.
type Lane struct {
	Now  Assignment
	Arms Health
}

// Assign keeps the assignment, and changes the roles of the arms.
func (l *Lane) Assign(_ string, a Assignment) { l.Now, l.Arms = a, l.Arms.inRole(a.Colours) }

// Health is what the test set.
func (l *Lane) Health(string) Health { return l.Arms }

// NewLane is traffic with both arms up: blue serves version 1, green version 2.
func NewLane() *Lane { return &Lane{Arms: twoColours()} }

// Weight of the candidate now.
func (l *Lane) Weight() canary.Weight { return l.Now.Split.Weight() }

// FakeClock is a clock that is moved by hand.
type FakeClock struct{ At time.Time }

// Now is a Clock.
func (f *FakeClock) Now() time.Time { return f.At }

// DownArm is an arm without an upstream that answers.
func DownArm() ArmHealth { return down() }
