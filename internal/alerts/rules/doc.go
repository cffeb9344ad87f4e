// Package rules turns a policy's gates into Prometheus's alerting rules and its
// on_alert into Alertmanager's routes, so that gates and alerts have one
// source. It is text from text: it reads no metric and sends nothing.
//
// A gate that is enforced takes its candidate back by itself, with a promise
// about false alarms that a threshold looked at every few seconds cannot give.
// So the rules on raw values are critical only for gates that are observed:
// nobody else acts on those. What the judge has shown is critical for both.
package rules
