package registry

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Store keeps the local registry: one document under a key, changed by
// compare-and-set, with records for the journal beside it.
type Store interface {
	Load(ctx context.Context, key string) (state []byte, rev uint64, err error)
	Commit(ctx context.Context, key string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error)
}

// Options are what a registry is given from outside.
type Options struct {
	Log hclog.Logger     // nil: silent
	Now func() time.Time // nil: time.Now
	// Getenv and Home are where MLflow's own settings are looked for; nil and ""
	// mean the process's.
	Getenv func(string) string
	Home   string
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Home == "" {
		o.Home, _ = os.UserHomeDir() // without a home there is no credentials file
	}
	return o
}
