package bytesize

import "testing"

func TestSizeReadsWhatItWrites(t *testing.T) {
	for text, want := range map[string]Size{
		"256MB": 256 * MB, "1GB": GB, "3KB": 3 * KB, "1GiB": GiB, "10MiB": 10 * MiB, "512KiB": 512 * KiB, "4096": 4 * KiB, "3": 3, "0": 0,
	} {
		var s, back Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s is %d, %v", text, s, err)
		}
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%s written as %s is %d, %v", text, s, back, err)
		}
	}
	for _, text := range []string{"", "MB", "KiB", "-1MB", "-1", "1 MB", "1TB", "1.5GB", "1e3", "9999999999GB", "99999999999GiB", "9999999999999999999"} {
		if err := new(Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
