package admin

import "net/http"

func (s *Server) doctor(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	findings := s.backend.Doctor(r.Context())
	if findings == nil {
		findings = []Finding{}
	}
	return findings, nil
}

func (s *Server) register(w http.ResponseWriter, r *http.Request, who string) (any, error) {
	var body Registration
	if err := decode(w, r, &body); err != nil {
		return nil, err
	}
	if err := given("name", body.Name, "source", body.Source); err != nil {
		return nil, err
	}
	body.By = who
	ctx, cancel := detached(r)
	defer cancel()
	return s.backend.Register(ctx, body)
}

func (s *Server) transitionStage(w http.ResponseWriter, r *http.Request, who string) (any, error) {
	var body Move
	if err := decode(w, r, &body); err != nil {
		return nil, err
	}
	if err := given("model", body.Model, "version", body.Version, "stage", body.Stage); err != nil {
		return nil, err
	}
	body.By = who
	ctx, cancel := detached(r)
	defer cancel()
	moved, err := s.backend.TransitionStage(ctx, body)
	moved.Rungs = RungsNotAsked
	return moved, err
}

// given checks pairs of a field's name and its value.
func given(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return problem(CodeMalformed, "field \""+pairs[i]+"\" is missing", "")
		}
	}
	return nil
}
