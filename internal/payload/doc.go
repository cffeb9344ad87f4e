// Package payload reads what a model was asked and what it answered: features,
// predictions, scores and groups in the formats of the usual model servers,
// whether an answer counts as an error, and whether a request keeps to the data
// contract. It works on bytes that it is given, keeps none of them, and never
// touches a request's path.
//
// A body is anybody's text: it is checked to be JSON, strictly and no deeper
// than maxDepth, before anything is looked up in it, and what cannot be read
// has a Trouble that says why.
package payload
