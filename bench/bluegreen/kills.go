package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
)

// kill is one kill -9, what was there before and what came after.
type kill struct {
	way     string        // start, rollback: the order that was under way
	trigger string        // random, at the swap
	after   time.Duration // from the order to the kill
	sent    time.Duration // the kill
	dead    time.Duration // the process is gone
	again   time.Duration // the next process is started
	up      time.Duration // both arms were seen by the next process
	settled time.Duration // what the journal promised was reached
	until   time.Duration // the next thing is asked for
	next    time.Duration // the next kill; until then every failure is this one's
	ordered bool          // the order was answered before the kill
	before  string        // the version that users reached last before it
	found   line          // the last record that the kill left, read before the restart
	left    []line        // the record at the end, read from the server
}

// kills does n of them, in both directions in turn.
func (s *scene) kills(ctx context.Context, l *load, n int, t typical, random *rand.Rand, progress func(string)) (all []kill, err error) {
	if err := s.rehearse(ctx); err != nil {
		return nil, err
	}
	for i := range n {
		k := kill{way: "start", trigger: "random"}
		window := t.there
		if i%2 == 1 {
			k.way, window = "rollback", t.back
		}
		if i/2%2 == 1 {
			k.trigger = "at the swap"
		}
		if err := s.kill(ctx, l, &k, window, random); err != nil {
			return all, fmt.Errorf("kill %d (%s, %s): %w", i+1, k.way, k.trigger, err)
		}
		if i > 0 {
			all[i-1].next = k.sent
		}
		k.next = math.MaxInt64
		all = append(all, k)
		progress(fmt.Sprintf("kill %d of %d: %s, %s, %s ms after the order", i+1, n, k.way, k.trigger, ms(k.after)))
	}
	return all, nil
}

// rehearse goes there and back once, so that every kill finds the same registry.
func (s *scene) rehearse(ctx context.Context) error {
	if err := s.start(ctx); err != nil {
		return err
	}
	if _, err := s.switched(ctx); err != nil {
		return err
	}
	return s.home(ctx)
}

// home brings all users back to blue, where they are not there yet.
func (s *scene) home(ctx context.Context) error {
	v, err := s.API.Rollout(ctx, model)
	if err != nil {
		return err
	}
	if v.Phase.Live() && v.Phase != "rolling_back" {
		if err := s.back(ctx); err != nil {
			return err
		}
	}
	_, err = s.restored(ctx)
	return err
}

func (s *scene) kill(ctx context.Context, l *load, k *kill, window time.Duration, random *rand.Rand) error {
	command, next := s.start, s.green
	if k.way == "rollback" {
		if err := s.start(ctx); err != nil {
			return err
		}
		if _, err := s.switched(ctx); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		command, next = s.back, s.blue
	}
	arrived := next.nextUser()
	asked, o := now(), begin(func() error { return command(ctx) })
	if k.trigger == "random" {
		time.Sleep(time.Duration(random.Int64N(int64(window) * 3 / 2)))
	} else {
		if err := o.reach(arrived, daemon.Patience, s.Kill); err != nil {
			return err
		}
		time.Sleep(time.Duration(random.Int64N(int64(15 * time.Millisecond))))
	}
	select {
	case <-o.answered:
		if o.failed != nil {
			return o.failed
		}
		k.ordered = true
	default:
	}
	k.sent, k.before = now(), blue
	if s.green.last.Load() > s.blue.last.Load() {
		k.before = green
	}
	s.Kill()
	k.dead, k.after = s.DiedAt.Sub(began), k.sent-asked
	<-o.answered // an order that was cut fails, and may have been taken
	return s.again(ctx, l, k)
}

// again reads what the kill left, starts the binary on it, and waits for what it
// promises.
func (s *scene) again(ctx context.Context, l *load, k *kill) error {
	if err := s.Intact(ctx); err != nil {
		return err
	}
	lines, err := s.journal(ctx)
	if err != nil {
		return err
	}
	k.found = lines[len(lines)-1]
	k.again = now()
	if err := s.Serve(ctx); err != nil {
		return err
	}
	k.up = now()
	if k.found.live() {
		_, err = s.Await(ctx, "all users on green after the restart", daemon.Patience, onGreen)
	} else {
		_, err = s.Await(ctx, "all users on blue after the restart", daemon.Patience, func(v client.View) bool { return v.Phase == "rolled_back" && !v.Registry.Pending })
	}
	if err != nil {
		return err
	}
	k.settled = now()
	time.Sleep(500 * time.Millisecond) // time for what should not be
	if err := daemon.Poll(ctx, "users are served after the restart", daemon.Patience, 10*time.Millisecond, func() (bool, error) { return l.served(k.settled) >= enough, nil }); err != nil {
		return err
	}
	if k.left, err = s.journal(ctx); err != nil {
		return err
	}
	k.until = now()
	if err := s.home(ctx); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond)
	return nil
}

// patient is a limit that answers keep on a machine with other work, too.
const patient = 4 * time.Second

// showKills ends Headgate in the middle of switches.
func showKills(ctx context.Context, o options, t typical, dir string, out io.Writer, progress func(string)) error {
	s, err := newScene(ctx, o.headgate, dir, "", patient)
	if err != nil {
		return err
	}
	defer s.close()
	l := startLoad(s.Traffic, o.rate, 0)
	kills, err := s.kills(ctx, l, o.kills, t, rand.New(rand.NewPCG(o.seed, 0)), progress)
	all := l.end()
	if err == nil {
		err = errors.Join(s.End(), s.Intact(ctx))
	}
	if err != nil {
		return err
	}
	return printKills(out, kills, all)
}
