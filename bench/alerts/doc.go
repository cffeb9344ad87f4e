// Command alerts shows what alerts do to a running Headgate, the shipped binary
// as a process of its own.
//
// The alarm: a real Prometheus scrapes it, a rule that `headgate alerts
// generate` wrote fires, two real Alertmanagers send the webhook, the candidate
// goes and a real MLflow is put right. The storm: a thousand alerts a second
// from two senders while users are served, with what users notice of it.
package main
