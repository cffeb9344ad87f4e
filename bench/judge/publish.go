package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Files of the plots, in the folder judge beside the text.
const (
	delayPlot    = "delay.svg"
	evidencePlot = "evidence.svg"
)

// publish writes judge.md and its plots into the folder of --out. The text is
// written last and whole: a run that was stopped leaves the old one.
func publish(l *lab, o options) (missed int, err error) {
	var text bytes.Buffer
	missed, err = report(&text, l, o)
	if err != nil {
		return missed, err
	}
	delays, err := delayPicture(l)
	if err != nil {
		return missed, err
	}
	evidence, err := evidencePicture(o.seed)
	if err != nil {
		return missed, err
	}
	plots := filepath.Join(o.out, "judge")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return missed, fmt.Errorf("make the folder of the plots: %w", err)
	}
	for _, file := range []struct {
		path string
		data []byte
	}{
		{filepath.Join(plots, delayPlot), delays},
		{filepath.Join(plots, evidencePlot), evidence},
		{filepath.Join(o.out, "judge.md"), text.Bytes()},
	} {
		if err := os.WriteFile(file.path, file.data, 0o644); err != nil {
			return missed, fmt.Errorf("write the table: %w", err)
		}
	}
	return missed, nil
}
