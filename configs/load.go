package configs

import (
	"fmt"
	"os"
	"reflect"
)

// Load reads the policy file at path. What is wrong with its content is an
// *Errors with every problem in it.
func Load(path string) (*Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a policy from data; name stands for the file in errors. ${NAME}
// is taken from the environment of this process.
func Parse(name string, data []byte) (*Policy, error) {
	return parse(name, data, os.LookupEnv)
}

func parse(name string, data []byte, lookup func(string) (string, bool)) (*Policy, error) {
	s, problem := readSource(name, data)
	if problem != nil {
		return nil, &Errors{Problems: []Problem{*problem}}
	}
	p := &Policy{}
	d := newDecoder(s, lookup)
	d.decode("", nil, s.root, reflect.ValueOf(p).Elem())
	d.contracts(p)
	zeros := d.zeros(reflect.ValueOf(p).Elem())
	p.setDefaults()
	d.replaced(zeros, reflect.ValueOf(p).Elem())
	p.validate(d.report)
	if err := collected(d.problems); err != nil {
		return nil, err
	}
	return p, nil
}
