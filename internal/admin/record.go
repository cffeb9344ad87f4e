package admin

import (
	"encoding/json"
	"math"
	"net/http"
)

// Limits of a page of the record.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Page is a stretch of the journal. Next is where the following one begins;
// nil at the end of the record.
type Page struct {
	Entries []Entry `json:"entries"`
	Next    *uint64 `json:"next"`
}

func (s *Server) incidents(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	limit, err := number(r, "limit", DefaultPage, 1, MaxPage)
	if err != nil {
		return nil, err
	}
	list, err := s.backend.Incidents(r.Context(), int(limit))
	if list == nil {
		list = []json.RawMessage{}
	}
	return list, err
}

func (s *Server) journal(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	from, err := number(r, "from", 1, 0, math.MaxUint64)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", DefaultPage, 1, MaxPage)
	if err != nil {
		return nil, err
	}
	entries, err := s.backend.JournalEntries(r.Context(), max(from, 1), int(limit))
	if err != nil {
		return nil, err
	}
	page := Page{Entries: entries}
	if entries == nil {
		page.Entries = []Entry{}
	}
	if uint64(len(entries)) >= limit {
		next := entries[len(entries)-1].Seq + 1
		page.Next = &next
	}
	return page, nil
}

func (s *Server) verifyJournal(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	return s.backend.VerifyJournal(r.Context())
}
