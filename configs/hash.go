package configs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Hash is the SHA-256 of a model's policy as it takes effect, defaults
// included: plan, gates, error probabilities. Comments, the order of keys and
// where incidents go change nothing. "" for a model without a policy.
func (p *Policy) Hash(model string) string {
	m, ok := p.Models[model]
	if !ok {
		return ""
	}
	sum := sha256.Sum256(canonical(m.Config))
	return hex.EncodeToString(sum[:])
}

// canonical is JSON with sorted keys, so that the order of Go's fields is no
// part of it.
func canonical(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: policy does not marshal: " + err.Error())
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		panic("BUG: policy does not unmarshal: " + err.Error())
	}
	if data, err = json.Marshal(tree); err != nil {
		panic("BUG: policy does not marshal: " + err.Error())
	}
	return data
}
