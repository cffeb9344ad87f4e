package configs

import (
	"encoding"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/bytesize"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/payload"
	"github.com/headgate/headgate/proxy"
	"github.com/headgate/headgate/shadow"
)

// asked says in words what a type takes.
var asked = map[reflect.Type]string{
	durationType:                        "a duration with its unit, such as 90s, 10m or 2h",
	reflect.TypeFor[canary.Weight]():    "a share from 0.01% to 100% with at most two decimals, such as 10%",
	reflect.TypeFor[judge.Rate]():       "a percentage from 0% to 100%, such as 1%",
	reflect.TypeFor[time.Time]():        "a point in time such as 2027-01-31T12:00:00Z",
	reflect.TypeFor[netip.Prefix]():     "a network such as 10.0.0.0/8 or 127.0.0.1/32",
	reflect.TypeFor[bytesize.Size]():    bytesize.Wanted,
	reflect.TypeFor[shadow.Share]():     "a share from 0.01% to 100% with at most two decimals, such as 10%",
	reflect.TypeFor[payload.Format]():   payload.WantedFormat,
	reflect.TypeFor[payload.Type]():     payload.WantedType,
	reflect.TypeFor[payload.Extra]():    payload.WantedExtra,
	reflect.TypeFor[payload.Rule]():     payload.WantedRule,
	reflect.TypeFor[payload.Statuses](): payload.WantedStatuses,
	reflect.TypeFor[proxy.Missing]():    "draw, baseline or cookie",
}

// scalar fills v from one piece of text. The text is taken as it is written:
// the type of the field decides what it means, not YAML's guess at it.
func (d *decoder) scalar(path string, key, n *yaml.Node, v reflect.Value) {
	wanted := wantedOf(v.Type())
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.refuse(n, path, d.scalarShown(path, n), wanted)
		return
	}
	text, missing := expand(n.Value, d.lookup)
	d.at[path] = place{key: key, value: n, text: text}
	for reference, value := range text.from {
		d.secrets[value] = reference
	}
	if missing != "" {
		d.refuse(n, path, d.scalarShown(path, n), missing)
		return
	}
	if !set(v, text.text) {
		d.refuse(n, path, d.scalarShown(path, n), wanted)
	}
}

func wantedOf(t reflect.Type) string {
	if w, ok := asked[t]; ok {
		return w
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of 0 or more"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	default:
		return "another value"
	}
}

// set reports whether text is a value of v's type. Errors of the types are not
// passed on: they may repeat a secret.
func set(v reflect.Value, text string) bool {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text)) == nil
	}
	if v.Type() == durationType {
		d, err := time.ParseDuration(text)
		if err == nil {
			v.SetInt(int64(d))
		}
		return err == nil
	}
	if v.Kind() == reflect.String {
		v.SetString(text)
		return true
	}
	return setPlain(v, strings.TrimSpace(text))
}

// setPlain fills booleans and numbers.
func setPlain(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(text == "true")
		return text == "true" || text == "false"
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		v.SetFloat(f)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return false
		}
		v.SetUint(u)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return false
		}
		v.SetInt(i)
	default:
		panic("BUG: no policy can hold a " + v.Type().String())
	}
	return true
}
