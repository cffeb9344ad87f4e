package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	opAnnotate = "leave the evidence"
	// maxTag is below the 5,000 characters of a tag, which 2.14.3 cuts silently on
	// a run and refuses on a version.
	maxTag = 4900
	// maxReportTags bounds a report that is kept in tags.
	maxReportTags = 10
	reportName    = "headgate/report.json"
)

// Annotate leaves the evidence: tags on the rollout's run and on the candidate,
// and the report as the run's artifact. Where artifacts do not go through MLflow
// the report is kept in tags of the run, and the run's tag headgate.report says
// which it is. It may be repeated.
func (m *MLflow) Annotate(ctx context.Context, b Binding, tags map[string]string, report []byte) error {
	runErr := m.annotateRun(ctx, b, tags, report)
	if runErr != nil && kindOf(runErr) != Gone {
		return runErr
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		err := m.setTag(ctx, opAnnotate, b.Model, b.Candidate, key, truncate(tags[key], maxTag))
		if err != nil {
			return errors.Join(runErr, err)
		}
	}
	return runErr
}

func (m *MLflow) annotateRun(ctx context.Context, b Binding, tags map[string]string, report []byte) error {
	if b.RunID == "" {
		return nil
	}
	r, err := m.readRun(ctx, opAnnotate, b.RunID)
	if err != nil {
		return err
	}
	var batch []wireTag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		batch = append(batch, wireTag{key, truncate(tags[key], maxTag)})
	}
	if len(report) > 0 {
		kept, err := m.keepReport(ctx, r, report)
		if err != nil {
			return err
		}
		batch = append(batch, kept...)
	}
	if len(batch) == 0 {
		return nil
	}
	return m.do(ctx, call{op: opAnnotate, method: http.MethodPost, path: "runs/log-batch", body: map[string]any{"run_id": b.RunID, "tags": batch}})
}

// keepReport uploads the report, or makes tags of it; the tags it returns are
// still to be written.
func (m *MLflow) keepReport(ctx context.Context, r run, report []byte) ([]wireTag, error) {
	path, ok := proxied(r.artifacts)
	if ok {
		err := m.do(ctx, call{
			op: opAnnotate, method: http.MethodPut, path: "/api/2.0/mlflow-artifacts/artifacts/" + path + "/" + reportName, body: report,
		})
		if err == nil {
			return []wireTag{{runTagReport, "artifact " + reportName}}, nil
		}
		if !permanent(err) {
			return nil, err
		}
		m.log.Warn("the report cannot be an artifact and is kept in tags", "error", err)
	}
	return reportTags(string(report)), nil
}

// proxied is the path of a run's artifacts on the server, when they go through it.
func proxied(artifactURI string) (string, bool) {
	u, err := url.Parse(artifactURI)
	if err != nil || u.Scheme != "mlflow-artifacts" {
		return "", false
	}
	return (&url.URL{Path: strings.Trim(u.Path, "/")}).EscapedPath(), true
}

func reportTags(report string) []wireTag {
	var out []wireTag
	rest := report
	for i := 0; i < maxReportTags && rest != ""; i++ {
		part := truncate(rest, maxTag)
		rest = rest[len(part):]
		out = append(out, wireTag{fmt.Sprintf("%s.%d", runTagReport, i), part})
	}
	where := fmt.Sprintf("in %d tags %s.0 and on, as artifacts do not go through this server", len(out), runTagReport)
	if rest != "" {
		where += fmt.Sprintf("; the last %d bytes did not fit", len(rest))
	}
	return append(out, wireTag{runTagReport, where})
}

// truncate cuts between characters, to at most limit bytes.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
