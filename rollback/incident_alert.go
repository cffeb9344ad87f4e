package rollback

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ticketAlert shows an alert as it came: its words are somebody else's, so each
// stands as code in a line of its own.
func (in Incident) ticketAlert(b *strings.Builder) {
	a := in.Alert
	if a == nil {
		return
	}
	fmt.Fprintf(b, "- alert %s (fingerprint %s), sent by receiver %s of %s\n", code(a.Name()), a.Fingerprint, code(a.Receiver), code(a.ExternalURL))
	for _, part := range []struct {
		what string
		of   map[string]string
	}{{"label", a.Labels}, {"annotation", a.Annotations}} {
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			fmt.Fprintf(b, "  - %s %s: %s\n", part.what, code(name), code(part.of[name]))
		}
	}
	if a.GeneratorURL != "" {
		fmt.Fprintf(b, "  - the query: %s\n", code(a.GeneratorURL))
	}
}

// code writes a text that cannot become Markdown.
func code(s string) string {
	return "`" + strings.Join(strings.Fields(strings.ReplaceAll(s, "`", "'")), " ") + "`"
}
