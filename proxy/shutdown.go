package proxy

import (
	"context"
	"time"
)

const (
	// quietEnough ends the drain early when no client has been there for so long.
	quietEnough = 300 * time.Millisecond
	// closeEvery is how often idle connections are looked at.
	closeEvery = 10 * time.Millisecond
)

// Shutdown drains and stops. For the drain time answers say "Connection:
// close" and new connections are still taken; then the listener closes, idle
// connections with it, and requests in flight are waited for until ctx ends.
// A second call waits for the first.
func (p *Proxy) Shutdown(ctx context.Context) error {
	var err error
	p.stopping.Do(func() {
		p.draining.Store(true)
		p.drain(ctx)
		err = p.close(ctx)
		close(p.stopped)
	})
	select {
	case <-p.stopped:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain waits for the drain time, or until nobody is left.
func (p *Proxy) drain(ctx context.Context) {
	end := time.NewTimer(p.table.Load().config.Timeouts.Drain)
	defer end.Stop()
	tick := time.NewTicker(closeEvery)
	defer tick.Stop()
	quietSince := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case now := <-tick.C:
			if p.clients.count() > 0 {
				quietSince = now
			} else if now.Sub(quietSince) >= quietEnough {
				return
			}
		}
	}
}

// close ends everything that is left, requests last.
func (p *Proxy) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	close(p.stop)
	closeListener(p.listener, p.serving)
	p.mu.Unlock()
	p.workers.Wait()
	err := p.closeClients(ctx)
	p.tap.end() // nothing is offered any more
	p.endMirrors(ctx)
	p.eachArm((*arm).retire)
	return err
}

// closeClients closes the idle connections, and the others as they become
// idle; at the end of ctx all of them.
func (p *Proxy) closeClients(ctx context.Context) error {
	tick := time.NewTicker(closeEvery)
	defer tick.Stop()
	for p.clients.count() > 0 {
		p.clients.each((*client).closeIdle)
		select {
		case <-ctx.Done():
			p.clients.each(func(c *client) { _ = c.Conn.Close() })
			p.eachArm((*arm).abort)
			p.clients.none.Wait()
			return ctx.Err()
		case <-tick.C:
		}
	}
	p.clients.none.Wait()
	return nil
}
