package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	startTimeout = 10 * time.Second
	callTimeout  = 10 * time.Second
	// maxMessage bounds a state, a record and a piece of evidence, in bytes.
	maxMessage = 8 << 20
	// maxStore is a bound we never mean to reach: without one the engine asks
	// the disk at start and may refuse streams later.
	maxStore = 1 << 50
)

// engine is the embedded NATS server with one in-process connection.
type engine struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

// startEngine starts the server on dir and makes the two streams when create
// is set; otherwise both must be there.
func startEngine(dir string, log hclog.Logger) (_ *engine, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("journal directory: %w", err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName:             "headgate-journal",
		DontListen:             true,
		JetStream:              true,
		StoreDir:               abs,
		SyncAlways:             true, // the default loses two minutes of acknowledged writes
		JetStreamMaxMemory:     1,    // nothing is kept in memory
		JetStreamMaxStore:      maxStore,
		MaxPayload:             maxMessage,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the journal's engine: %w", err)
	}
	s.SetLoggerV2(engineLog{log.Named("engine")}, false, false, false)
	e := &engine{server: s}
	defer func() {
		if err != nil {
			e.stop()
		}
	}()
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		return nil, errors.New("the journal's engine did not start in time")
	}
	e.conn, err = nats.Connect("", nats.InProcessServer(s), nats.NoReconnect(), nats.Name("journal"))
	if err != nil {
		return nil, fmt.Errorf("connect to the journal's engine: %w", err)
	}
	if e.js, err = jetstream.New(e.conn); err != nil {
		return nil, fmt.Errorf("connect to the journal's engine: %w", err)
	}
	return e, nil
}

// stop ends the server and waits for it; files are complete when it returns.
func (e *engine) stop() {
	if e.conn != nil {
		e.conn.Close()
	}
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

func recordConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:     recordStream,
		Subjects: []string{recordSubject + "*", stateSubject + "*"},
		Storage:  jetstream.FileStorage,
		// One message per subject: a new state takes the place of the old one,
		// and every record has a subject of its own.
		MaxMsgsPerSubject:  1,
		DenyDelete:         true,
		DenyPurge:          true,
		AllowAtomicPublish: true,
		AllowDirect:        true,
	}
}

func evidenceConfig(bytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        evidenceStream,
		Subjects:    []string{evidenceSubject + "*"},
		Storage:     jetstream.FileStorage,
		MaxBytes:    bytes,
		Discard:     jetstream.DiscardOld,
		DenyDelete:  true,
		DenyPurge:   true,
		AllowDirect: true,
	}
}

// makeStreams makes what is missing. Only the bound of the evidence may change
// over time; the record stream is never updated.
func (e *engine) makeStreams(ctx context.Context, evidenceBytes int64) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := e.js.CreateStream(ctx, recordConfig()); err != nil {
		return fmt.Errorf("make the record stream: %w", err)
	}
	return e.makeEvidence(ctx, evidenceBytes)
}

// makeEvidence makes the evidence stream or gives it its present bound. It
// writes nothing when nothing changes, so that a full disk does not keep the
// engine from starting.
func (e *engine) makeEvidence(ctx context.Context, bytes int64) error {
	s, err := e.js.Stream(ctx, evidenceStream)
	if err == nil && s.CachedInfo().Config.MaxBytes == bytes {
		return nil
	}
	if _, err := e.js.CreateOrUpdateStream(ctx, evidenceConfig(bytes)); err != nil {
		return fmt.Errorf("make the evidence stream: %w", err)
	}
	return nil
}

// checkStreams makes sure that the engine has the record stream, with the
// settings that protect it.
func (e *engine) checkStreams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s, err := e.js.Stream(ctx, recordStream)
	if err != nil {
		return fmt.Errorf("find the record stream: %w", err)
	}
	got, want := s.CachedInfo().Config, recordConfig()
	if !got.DenyDelete || !got.DenyPurge || !got.AllowAtomicPublish || !got.AllowDirect ||
		got.MaxMsgsPerSubject != want.MaxMsgsPerSubject || got.MaxMsgs > 0 || got.MaxBytes > 0 || got.MaxAge > 0 {
		return errors.New("the record stream does not have the settings it was made with")
	}
	return nil
}

// engineLog passes the server's own log on at debug level: what matters is
// said by the journal.
type engineLog struct{ log hclog.Logger }

func (l engineLog) Noticef(f string, v ...any) { l.say("notice", f, v) }
func (l engineLog) Warnf(f string, v ...any)   { l.say("warning", f, v) }
func (l engineLog) Fatalf(f string, v ...any)  { l.say("fatal", f, v) }
func (l engineLog) Errorf(f string, v ...any)  { l.say("error", f, v) }
func (l engineLog) Debugf(f string, v ...any)  { l.say("debug", f, v) }
func (l engineLog) Tracef(f string, v ...any)  { l.say("trace", f, v) }

func (l engineLog) say(level, format string, v []any) {
	if l.log.IsDebug() {
		l.log.Debug("journal engine", "level", level, "said", fmt.Sprintf(format, v...))
	}
}

var _ server.Logger = engineLog{}
