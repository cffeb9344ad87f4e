package shadow

import "slices"

const (
	maxClasses = 16
	otherClass = "other"
)

// confusion counts pairs of classes, the first maxClasses that are seen.
type confusion struct {
	classes []string
	counts  map[[2]string]uint64
}

func (c *confusion) add(live, shadow string) {
	if live == "" || shadow == "" {
		return
	}
	if c.counts == nil {
		c.counts = map[[2]string]uint64{}
	}
	c.counts[[2]string{c.known(live), c.known(shadow)}]++
}

func (c *confusion) known(class string) string {
	if slices.Contains(c.classes, class) {
		return class
	}
	if len(c.classes) >= maxClasses {
		return otherClass
	}
	c.classes = append(c.classes, class)
	return class
}

// Confusion counts predictions by the live answer's class (the row) and the
// shadow's (the column). Beyond 16 classes there is "other".
type Confusion struct {
	Classes []string   `json:"classes"`
	Counts  [][]uint64 `json:"counts"`
}

func (c *confusion) snapshot() *Confusion {
	if len(c.counts) == 0 {
		return nil
	}
	out := &Confusion{Classes: slices.Sorted(slices.Values(c.classes))}
	for pair := range c.counts {
		if (pair[0] == otherClass || pair[1] == otherClass) && !slices.Contains(out.Classes, otherClass) {
			out.Classes = append(out.Classes, otherClass)
		}
	}
	for _, live := range out.Classes {
		row := make([]uint64, len(out.Classes))
		for i, shadow := range out.Classes {
			row[i] = c.counts[[2]string{live, shadow}]
		}
		out.Counts = append(out.Counts, row)
	}
	return out
}
