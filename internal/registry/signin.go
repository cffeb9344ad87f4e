package registry

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// signIn puts credentials on requests. The zero value signs nothing.
type signIn struct {
	user, password string
	bearer         string
}

func (s signIn) apply(r *http.Request) {
	switch {
	case s.bearer != "":
		r.Header.Set("Authorization", "Bearer "+s.bearer)
	case s.user != "" || s.password != "":
		r.SetBasicAuth(s.user, s.password)
	}
}

// scrub cuts the secrets out of a text that came from elsewhere.
func (s signIn) scrub(text string) string {
	for _, secret := range []string{s.bearer, s.password} {
		if len(secret) > 3 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// how is the way of signing in, in words for doctor.
func (s signIn) how() string {
	switch {
	case s.bearer != "":
		return "a bearer token"
	case s.user != "" && s.user == s.password:
		return "the token as user and password"
	case s.user != "":
		return "user " + quote(s.user)
	}
	return "no sign-in"
}

// resolve fills in what the configuration leaves to MLflow's environment and
// credentials file. The configuration wins over the environment, that over the
// file, each as a pair: a user from one place never meets a password of another.
func (c MLflowConfig) resolve(o Options) (MLflowConfig, error) {
	setDefault(&c.TrackingURI, o.Getenv("MLFLOW_TRACKING_URI"))
	if c.TrackingURI == "" {
		return c, invalid("read the configuration", "set registry.mlflow.tracking_uri or MLFLOW_TRACKING_URI", "there is no tracking URI")
	}
	if u, err := url.Parse(c.TrackingURI); err == nil && u.User != nil && c.Username == "" {
		c.Username = u.User.Username()
		c.Password, _ = u.User.Password()
	}
	c.TrackingURI = withoutSecrets(c.TrackingURI)
	if c.Username == "" && c.Token == "" {
		c.Username, c.Password = o.Getenv("MLFLOW_TRACKING_USERNAME"), o.Getenv("MLFLOW_TRACKING_PASSWORD")
		c.Token = o.Getenv("MLFLOW_TRACKING_TOKEN")
	}
	if c.Username == "" && c.Password == "" && c.Token == "" && o.Home != "" {
		c.Username, c.Password = credentialsFile(filepath.Join(o.Home, ".mlflow", "credentials"))
	}
	if !c.InsecureTLS && c.CACert == "" {
		c.InsecureTLS = strings.EqualFold(o.Getenv("MLFLOW_TRACKING_INSECURE_TLS"), "true")
		c.CACert = o.Getenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
	}
	setDefault(&c.ClientCert, o.Getenv("MLFLOW_TRACKING_CLIENT_CERT_PATH"))
	if c.InsecureTLS && c.CACert != "" {
		return c, invalid("read the configuration", "unset MLFLOW_TRACKING_INSECURE_TLS or MLFLOW_TRACKING_SERVER_CERT_PATH", "insecure TLS and a CA certificate exclude each other")
	}
	return c, nil
}

// signIn picks the way to sign in.
func (c MLflowConfig) signIn(host string) (signIn, error) {
	both := c.Username != "" && c.Password != ""
	switch c.Auth {
	case AuthNone:
		return signIn{}, nil
	case AuthBasic:
		if !both {
			return signIn{}, invalid("read the configuration", "", "auth: basic needs username and password")
		}
		return signIn{user: c.Username, password: c.Password}, nil
	case AuthBearer, AuthBasicToken:
		if c.Token == "" {
			return signIn{}, invalid("read the configuration", "", "auth: %s needs a token", c.Auth)
		}
		if c.Auth == AuthBearer {
			return signIn{bearer: c.Token}, nil
		}
		return signIn{user: c.Token, password: c.Token}, nil
	}
	switch {
	case both:
		return signIn{user: c.Username, password: c.Password}, nil
	case c.Token != "" && isDagsHub(host):
		return signIn{user: c.Token, password: c.Token}, nil
	case c.Token != "":
		return signIn{bearer: c.Token}, nil
	}
	return signIn{}, nil
}

func isDagsHub(host string) bool {
	host = strings.ToLower(host)
	return host == "dagshub.com" || strings.HasSuffix(host, ".dagshub.com")
}

// credentialsFile reads MLflow's own ini file; whatever it lacks is empty.
func credentialsFile(path string) (user, password string) {
	f, err := os.Open(path)
	if err != nil {
		return "", ""
	}
	defer func() { _ = f.Close() }() // only read
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if section != "mlflow" {
			continue
		}
		switch strings.TrimSpace(key) {
		case "mlflow_tracking_username":
			user = strings.TrimSpace(value)
		case "mlflow_tracking_password":
			password = strings.TrimSpace(value)
		}
	}
	return user, password
}
