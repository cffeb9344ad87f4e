package payload

import (
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// Sentence says which answers are errors on a route that waits so long for one;
// e may be nil. Those that need no body come first.
func (e *Errors) Sentence(timeout time.Duration) string {
	kinds := []string{fmt.Sprintf("no answer within %s", timeout), "a status from 500 on"}
	if e != nil {
		for _, s := range e.Statuses {
			if s.From == s.To {
				kinds = append(kinds, "the status "+s.String())
			} else {
				kinds = append(kinds, "a status of "+s.String())
			}
		}
		for _, r := range e.Body {
			kinds = append(kinds, r.sentences()...)
		}
	}
	return strings.Join(kinds, "; ")
}

// sentences says what an answer that is a failure by the rule looks like.
func (r Rule) sentences() (out []string) {
	if wrong := r.Holds &^ IsPresent; wrong != 0 {
		out = append(out, "an answer 2xx with "+Rule{r.Path, wrong}.String())
	}
	if r.Holds&IsPresent != 0 {
		out = append(out, fmt.Sprintf("an answer of any status with %s in it", r.Path))
	}
	return out
}

// Sentence says what of requests and answers is read for what a model counts,
// and where it stands. Paths are gjson's.
func (c Config) Sentence(m kpi.Config) string {
	var asked []string
	if len(m.Inputs) > 0 || c.Contract != nil {
		asked = append(asked, "features at "+placesOf(c.Features, c.Format.features()...))
	}
	if c.Group != "" {
		asked = append(asked, "the group at "+c.Group)
	}
	answered := "predictions at " + placesOf(c.Predictions, c.Format.predictions())
	switch scores := c.Format.scores(); {
	case c.Scores != "":
		answered += ", scores at " + c.Scores
	case scores != "":
		answered += ", scores at " + scores + " if they are there, else the predictions"
	default:
		answered += ", which are the scores where they are numbers"
	}
	if len(asked) == 0 {
		return "of requests nothing; of answers " + answered
	}
	return "of requests " + strings.Join(asked, " and ") + "; of answers " + answered
}

func placesOf(set string, usual ...string) string {
	if set != "" {
		return set
	}
	return strings.Join(usual, " or ")
}

// columnsNamed is how many columns of one kind a sentence names.
const columnsNamed = 12

// Sentence says what the contract demands of a row.
func (c Contract) Sentence() string {
	var kinds []string
	for i := 0; i < len(c.Columns); {
		kind, names := c.Columns[i].kind(), []string(nil)
		first := i
		for ; i < len(c.Columns) && c.Columns[i].kind() == kind; i++ {
			if i-first < columnsNamed {
				names = append(names, c.Columns[i].Name)
			}
		}
		text := strings.Join(names, ", ")
		if more := i - first - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		kinds = append(kinds, text+": "+kind)
	}
	others := "no others"
	if c.Extra == ExtraAllow {
		others = "others may be there"
	}
	return strings.Join(kinds, "; ") + "; " + others
}

// kind is what a column demands, without its name.
func (c Column) kind() string {
	text := c.Type.String()
	switch {
	case c.Min != nil && c.Max != nil:
		text += fmt.Sprintf(" from %v to %v", *c.Min, *c.Max)
	case c.Min != nil:
		text += fmt.Sprintf(" of at least %v", *c.Min)
	case c.Max != nil:
		text += fmt.Sprintf(" of at most %v", *c.Max)
	}
	if c.Nullable {
		text += " or null"
	}
	if c.Optional {
		text += " (may be left out)"
	}
	return text
}
