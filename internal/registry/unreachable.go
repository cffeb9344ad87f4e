package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"syscall"
)

// unreachable says in words why there was no answer, and whether the same call
// may well be answered a moment later.
func (m *MLflow) unreachable(op string, err error) (again bool, _ error) {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the address in it may carry what is secret
	}
	e := &Error{Kind: Unreachable, Op: op, Err: err}
	var dns *net.DNSError
	var dial *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		e.Message = "the call was cancelled"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		e.Message = "MLflow at " + m.base + " gave no answer in time; whether it did the work is unknown"
	case errors.As(err, &dns):
		e.Message = "the name " + quote(dns.Name) + " of the tracking URI " + m.base + " is not known"
		e.Hint = "check the host in the tracking URI, and the name service"
	case isTLS(err):
		e.Message = "the TLS connection to " + m.base + " failed: " + err.Error()
		e.Hint = "set ca_cert (MLFLOW_TRACKING_SERVER_CERT_PATH) to the authority that signed the server's certificate; http where https is spoken, or the other way round, looks the same"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = "nothing listens at " + m.base + " (connection refused)"
		e.Hint = "is MLflow running, and are host and port of the tracking URI right?"
	case errors.As(err, &dial) && dial.Op == "dial":
		e.Message = m.base + " cannot be reached: " + dial.Err.Error()
		e.Hint = "check the host and port of the tracking URI, and the network between"
	default:
		e.Message = "the connection to " + m.base + " broke before the answer; whether MLflow did the work is unknown"
		again = true
	}
	e.Message = m.sign.scrub(e.Message)
	return again, e
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func isTLS(err error) bool {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) ||
		errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert)
}
