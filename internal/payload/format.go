package payload

import (
	"fmt"
	"slices"
)

// Format is the shape that a model server's requests and answers have.
type Format uint8

// Formats of the usual model servers.
const (
	Plain    Format = iota // {"features": [[…], …]} → {"predictions": […], "probabilities": […]}
	MLflow                 // dataframe_split, dataframe_records, instances or inputs → predictions
	KServeV1               // instances → predictions
	OIPV2                  // Open Inference Protocol v2: inputs[] → outputs[]
	OpenAI                 // → choices[].message.content, or a stream of events
	formats
)

var formatNames = [formats]string{"plain", "mlflow", "kserve-v1", "oip-v2", "openai"}

// WantedFormat says in words what a Format takes.
const WantedFormat = "plain, mlflow, kserve-v1, oip-v2 or openai"

// String returns the word used in the policy.
func (f Format) String() string {
	if f < formats {
		return formatNames[f]
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// MarshalText implements encoding.TextMarshaler.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Format) UnmarshalText(text []byte) error {
	i := slices.Index(formatNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q: wanted %s", text, WantedFormat)
	}
	*f = Format(i)
	return nil
}

// features are the places where a request's features may stand; the first that
// is there counts.
func (f Format) features() []string {
	switch f {
	case MLflow:
		return []string{"dataframe_split", "dataframe_records", "instances", "inputs"}
	case KServeV1:
		return []string{"instances"}
	case OIPV2:
		return []string{"inputs"}
	case Plain:
		return []string{"features"}
	case OpenAI, formats:
	}
	return nil
}

func (f Format) predictions() string {
	switch f {
	case OIPV2:
		return "outputs.0"
	case OpenAI:
		return "choices.#.message.content"
	case Plain, MLflow, KServeV1, formats:
	}
	return "predictions"
}

// scores may be missing: then the predictions are the scores.
func (f Format) scores() string {
	if f == Plain {
		return "probabilities"
	}
	return ""
}
