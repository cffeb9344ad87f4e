// Package notify takes an incident to where people look: a file in a directory,
// or a webhook. It owns the way there: atomic files, bounded posts, addresses
// that are never posted to, errors that say whether another try can help.
//
// It never decides what an incident says, never retries by itself (the outbox
// of package rollback does), and takes addresses from the policy only: nothing
// that a request or a model says can become one.
package notify
