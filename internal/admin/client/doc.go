// Package client speaks to a running headgate's admin API.
//
// It owns the calls and the errors of the caller's side: whatever the server
// refuses comes back as a *Refusal with the server's words. It never retries an
// order and never follows a redirect, which could carry a token elsewhere.
package client
