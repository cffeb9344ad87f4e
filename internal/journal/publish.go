package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// wrongSequence is the engine's code for a compare-and-set that did not hold.
const wrongSequence = 10071

var errMoved = errors.New("the subject does not end where it was expected to")

// outgoing is one message to write. After is the engine's sequence of the
// message that its subject must end with now, 0 for none: compare-and-set.
type outgoing struct {
	subject string
	after   uint64
	data    []byte
}

// publish writes all messages or none and returns the engine's sequence of the
// last one when they are synced. After an error it is unknown whether they
// were written.
func (e *engine) publish(ctx context.Context, messages ...outgoing) (uint64, error) {
	if len(messages) == 1 {
		return e.request(ctx, messages[0].msg())
	}
	id := nuid.Next()
	for i, m := range messages {
		msg := m.msg()
		msg.Header.Set("Nats-Batch-Id", id)
		msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		if i == len(messages)-1 {
			msg.Header.Set("Nats-Batch-Commit", "1")
			return e.request(ctx, msg)
		}
		if err := e.conn.PublishMsg(msg); err != nil {
			return 0, fmt.Errorf("write to the journal's engine: %w", err)
		}
	}
	panic("BUG: journal publishes nothing")
}

func (m outgoing) msg() *nats.Msg {
	msg := nats.NewMsg(m.subject)
	msg.Data = m.data
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(m.after, 10))
	return msg
}

// healthEvery is how often the engine is asked whether it has given up: after
// a write error within a batch it never answers.
const healthEvery = 100 * time.Millisecond

// request sends what ends in an acknowledgement.
func (e *engine) request(ctx context.Context, msg *nats.Msg) (uint64, error) {
	msg.Reply = e.conn.NewRespInbox()
	sub, err := e.conn.SubscribeSync(msg.Reply)
	if err != nil {
		return 0, fmt.Errorf("write to the journal's engine: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection is in process: nothing to lose
	if err := e.conn.PublishMsg(msg); err != nil {
		return 0, fmt.Errorf("write to the journal's engine: %w", err)
	}
	for {
		reply, err := nextWithin(ctx, sub, healthEvery)
		if err == nil {
			return sequenceOf(reply)
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return 0, fmt.Errorf("write to the journal's engine: %w", err)
		}
		if err := givenUp(e.server.Healthz(&server.HealthzOptions{Details: true})); err != nil {
			return 0, fmt.Errorf("write to the journal's engine: %w", err)
		}
	}
}

// givenUp is why an engine will not answer, nil while it still may. What it says
// of its connections is left out: an engine that has long started waits a
// millisecond for the news of it, and on a busy machine takes the end of the
// wait for the answer.
func givenUp(h *server.HealthStatus) error {
	var all []error
	for _, e := range h.Errors {
		if e.Type != server.HealthzErrorConn {
			all = append(all, errors.New(e.Error))
		}
	}
	return errors.Join(all...)
}

func nextWithin(ctx context.Context, sub *nats.Subscription, d time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// sequenceOf reads an acknowledgement.
func sequenceOf(reply *nats.Msg) (uint64, error) {
	if reply.Header.Get("Status") == "503" { // nobody listens: the engine has given up its streams
		return 0, fmt.Errorf("write to the journal's engine: %w", nats.ErrNoResponders)
	}
	var ack struct {
		Stream string `json:"stream"`
		Seq    uint64 `json:"seq"`
		Error  *struct {
			Code        int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return 0, fmt.Errorf("write to the journal's engine: answer: %w", err)
	}
	if ack.Error != nil && ack.Error.Code == wrongSequence {
		return 0, fmt.Errorf("write to the journal's engine: %w", errMoved)
	}
	if ack.Error != nil {
		return 0, fmt.Errorf("write to the journal's engine: %s (%d)", ack.Error.Description, ack.Error.Code)
	}
	if ack.Seq == 0 {
		return 0, fmt.Errorf("write to the journal's engine: answer without a sequence")
	}
	return ack.Seq, nil
}
