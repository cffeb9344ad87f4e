package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"time"
)

const (
	// callTimeout is longer than the 20 s that MLflow on SQLite waits for its
	// own lock: cutting it off there would only make the outcome unknown.
	callTimeout = 30 * time.Second
	// idleTimeout is below the 5 s after which MLflow's server hangs up, so that
	// a write is rarely sent on a connection that is just being closed.
	idleTimeout = 3 * time.Second
	maxAnswer   = 64 << 20
	maxRedirect = 3
)

// errRedirect stops the client at a redirect of a write, which it would
// otherwise repeat as a GET.
var errRedirect = errors.New("redirect of a write")

func (c MLflowConfig) client() (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.InsecureTLS} //nolint:gosec // the operator asked for it
	if c.CACert != "" {
		pem, err := os.ReadFile(c.CACert)
		if err != nil {
			return nil, &Error{Kind: Invalid, Op: "read the CA certificate", Message: err.Error(), Permanent: true, Err: err}
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, invalid("read the CA certificate", "", "%s holds no PEM certificate", c.CACert)
		}
	}
	if c.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientCert)
		if err != nil {
			return nil, &Error{Kind: Invalid, Op: "read the client certificate", Message: err.Error(), Permanent: true, Err: err}
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true,
			IdleConnTimeout: idleTimeout, TLSHandshakeTimeout: 10 * time.Second,
		},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if via[0].Method != http.MethodGet || to.URL.Host != via[0].URL.Host || len(via) > maxRedirect {
				return errRedirect
			}
			return nil
		},
	}, nil
}
