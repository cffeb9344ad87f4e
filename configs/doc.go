// Package configs owns the policy file: it composes the packages' Config
// structs into one Policy, loads it strictly, fills in defaults, validates, and
// says of everything that is wrong where it stands (file, line, column), what
// the value is and what was wanted. The example policies and the embedded
// default live beside it.
//
// It never sees a running object: what a reload may change is the app's matter.
package configs
