package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// Pages of a read: as many messages, or as many bytes, whichever is less.
const (
	pageMessages = 512
	pageBytes    = 16 << 20

	directGet = "$JS.API.DIRECT.GET."
)

var (
	errStop     = errors.New("stop") // ends a read early
	errNotThere = errors.New("not there")
)

// lastOf returns the last message of a subject, or errNotThere.
func (e *engine) lastOf(ctx context.Context, stream, subject string) (message, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ask, err := json.Marshal(map[string]any{"last_by_subj": subject})
	if err != nil {
		panic("BUG: a read request cannot be marshalled: " + err.Error())
	}
	msg, err := e.conn.RequestWithContext(ctx, directGet+stream, ask)
	if err != nil {
		return message{}, fmt.Errorf("read from the journal's engine: %w", err)
	}
	switch status := msg.Header.Get("Status"); status {
	case "":
		return fromEngine(msg, stream)
	case "404":
		return message{}, errNotThere
	default:
		return message{}, fmt.Errorf("read from the journal's engine: %s %s", status, msg.Header.Get("Description"))
	}
}

// read visits the messages of a stream whose subject matches filter, in order,
// from the engine's sequence from on.
func (e *engine) read(ctx context.Context, stream, filter string, from uint64, visit func(message) error) error {
	inbox := e.conn.NewRespInbox()
	sub, err := e.conn.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("read from the journal's engine: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection is in process: nothing to lose
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("read from the journal's engine: %w", err)
	}
	for {
		last, more, err := e.page(ctx, sub, stream, filter, from, visit)
		if err != nil || !more {
			return err
		}
		from = last + 1
	}
}

// page asks for one page. more says that there are messages after last.
func (e *engine) page(ctx context.Context, sub *nats.Subscription, stream, filter string, from uint64, visit func(message) error) (last uint64, more bool, err error) {
	ask, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": filter, "batch": pageMessages, "max_bytes": pageBytes})
	if err != nil {
		panic("BUG: a read request cannot be marshalled: " + err.Error())
	}
	if err := e.conn.PublishRequest(directGet+stream, sub.Subject, ask); err != nil {
		return 0, false, fmt.Errorf("read from the journal's engine: %w", err)
	}
	var stopped error
	for {
		msg, err := nextMessage(ctx, sub)
		if err != nil {
			return 0, false, err
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			m, err := fromEngine(msg, stream)
			if err != nil {
				return 0, false, err
			}
			last = m.Seq
			if stopped == nil { // the rest of the page must still be taken in
				stopped = visit(m)
			}
		case "204": // end of the page
			pending := msg.Header.Get("Nats-Num-Pending")
			return last, pending != "0" && last != 0, stopped
		case "404": // nothing (more) there
			return last, false, stopped
		default:
			return 0, false, fmt.Errorf("read from the journal's engine: %s %s", status, msg.Header.Get("Description"))
		}
	}
}

func nextMessage(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	msg, err := nextWithin(ctx, sub, callTimeout)
	if err != nil {
		return nil, fmt.Errorf("read from the journal's engine: %w", err)
	}
	return msg, nil
}

func fromEngine(msg *nats.Msg, stream string) (message, error) {
	seq, err := strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return message{}, fmt.Errorf("read from the journal's engine: sequence: %w", err)
	}
	return message{Seq: seq, Subject: msg.Header.Get("Nats-Subject"), Data: msg.Data, File: streamDir(stream)}, nil
}
