package shadow

import (
	"sync"
	"time"
)

// leaveAfter is how long a worker waits for a copy before it leaves, unless it
// is the last that waits.
const leaveAfter = 10 * time.Second

// crew counts the workers of an engine: one always waits for a copy, up to the
// most there may be. The data plane knows nothing of it.
type crew struct {
	most int

	mu      sync.Mutex
	all     int
	waiting int
}

// begin counts the first worker.
func (c *crew) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.waiting = 1, 1
}

// taken counts a copy for one that waited, and says whether another worker has
// to be started; it is counted.
func (c *crew) taken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if c.waiting > 0 || c.all == c.most {
		return false
	}
	c.all++
	c.waiting++
	return true
}

// waits counts a worker that has nothing to do.
func (c *crew) waits() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting++
}

// leaves lets one that waits leave when another waits too.
func (c *crew) leaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting < 2 {
		return false
	}
	c.all--
	c.waiting--
	return true
}

// size is how many workers there are.
func (c *crew) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}
