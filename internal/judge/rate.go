package judge

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a share, 0 to 1, written in percent: "1%" is 0.01.
type Rate float64

// UnmarshalText reads "1%" or "0.2%".
func (r *Rate) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	v, err := percent(number)
	if !ok || err != nil || v < 0 || v > 1 {
		return fmt.Errorf("%q is not a rate: wanted a percentage from 0%% to 100%%, such as 1%%", text)
	}
	*r = Rate(v)
	return nil
}

// MarshalText writes the rate in percent, exactly.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Rate) String() string { return percentText(float64(r)) + "%" }

// percent reads a number of percent as the float nearest to its hundredth, so
// that 0.2% is the same number as 0.002.
func percent(number string) (float64, error) {
	if strings.ContainsAny(number, "eExXpP_ ") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(number+"e-2", 64)
}

// percentText is the inverse of percent: the shortest digits that read back.
func percentText(v float64) string {
	digits := strconv.FormatFloat(v, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(digits, "e")
	n, err := strconv.Atoi(exponent)
	if err != nil {
		return digits // NaN and Inf, which no rate is
	}
	scaled, err := strconv.ParseFloat(mantissa+"e"+strconv.Itoa(n+2), 64)
	if err != nil {
		return digits
	}
	return strconv.FormatFloat(scaled, 'f', -1, 64)
}
