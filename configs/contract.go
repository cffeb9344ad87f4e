package configs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"github.com/headgate/headgate/internal/payload"
)

// beside is where a file is that the policy names.
func beside(policy, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(policy), file)
}

// contracts reads the data contracts that routes keep in files of their own,
// relative to the policy's. What is wrong in one of them is said by its own
// name and lines.
func (d *decoder) contracts(p *Policy) {
	for i := range p.Routes {
		route := &p.Routes[i]
		if route.Payload == nil || route.Payload.Contract == nil || route.Payload.Contract.File == "" {
			continue
		}
		at := fmt.Sprintf("routes[%d].payload.contract", i)
		given := route.Payload.Contract
		if len(given.Columns) > 0 || given.Extra != payload.ExtraRefuse {
			d.report(at+".file", given.File, "either a file or columns beside it")
			d.broken[at] = true
			continue
		}
		if loaded := d.contract(at, given.File); loaded != nil {
			loaded.File = given.File
			route.Payload.Contract = loaded
		}
	}
}

// contract reads one file; nil when something is wrong with it, which has been
// reported.
func (d *decoder) contract(at, file string) *payload.Contract {
	name := beside(d.source.name, file)
	data, err := readSmall(name)
	if err != nil {
		d.report(at+".file", file, "a file with a data contract: "+err.Error())
		d.broken[at] = true
		return nil
	}
	c, problems := parseContract(name, data, d.lookup)
	if len(problems) > 0 {
		d.problems = append(d.problems, problems...)
		d.broken[at] = true
		return nil
	}
	return c
}

func parseContract(name string, data []byte, lookup func(string) (string, bool)) (*payload.Contract, []Problem) {
	s, problem := readSource(name, data)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	c := &payload.Contract{}
	d := newDecoder(s, lookup)
	d.decode("", nil, s.root, reflect.ValueOf(c).Elem())
	if c.File != "" {
		d.report("file", c.File, "columns: a contract's file names no other")
	}
	c.Validate(d.report)
	return c, d.problems
}

// readSmall reads a file of at most sizeLimit bytes. The errors do not repeat
// the name, which stands beside them.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is not a plain file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, sizeLimit+1))
	return data, reason(err)
}

// reason is an error without the operation and the path.
func reason(err error) error {
	if path, ok := err.(*os.PathError); ok { //nolint:errorlint // of os itself, never wrapped
		return path.Err
	}
	return err
}
