package main

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"
)

// drawing is an SVG that follows the reader's light or dark scheme.
type drawing struct {
	out bytes.Buffer
}

// The colours can be told apart by people who see few of them (Okabe and Ito);
// the lines differ by their dashes as well.
const drawingStyle = `<style>
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif}
.title{font-weight:600;font-size:14px}.small{font-size:11px}
.grid,.axis,.mark,.line,.path{fill:none;stroke-linejoin:round}.mark{stroke-dasharray:4 3}.line{stroke-width:1.6}.path{stroke-width:1.4;opacity:.85}
.line.c0{stroke-width:3}.line.c1{stroke-dasharray:9 3}.line.c2{stroke-dasharray:2 3}.line.c3{stroke-dasharray:6 3 2 3}.line.c6{stroke-dasharray:12 4 3 4}
` + lightStyle + `
@media (prefers-color-scheme:dark){
` + darkStyle + `
}
</style>`

const (
	lightStyle = `.paper{fill:#fff}text{fill:#1f2328}.grid{stroke:#d8dee4}.axis,.mark{stroke:#1f2328}
.c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#b8860b}.c3{stroke:#cc5f9f}.c4{stroke:#7f7f7f}.c5{stroke:#009e73}.c6{stroke:#6f42c1}
.d0{fill:#0072b2}.d1{fill:#d55e00}.d2{fill:#b8860b}.d3{fill:#cc5f9f}.d4{fill:#7f7f7f}`
	darkStyle = `.paper{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}.axis,.mark{stroke:#e6edf3}
.c0{stroke:#56b4e9}.c1{stroke:#ff8c4a}.c2{stroke:#f0c75e}.c3{stroke:#f2a7cf}.c4{stroke:#a0a0a0}.c5{stroke:#3fd0a4}.c6{stroke:#b79cf5}
.d0{fill:#56b4e9}.d1{fill:#ff8c4a}.d2{fill:#f0c75e}.d3{fill:#f2a7cf}.d4{fill:#a0a0a0}`
)

func newDrawing(width, height int, description string) *drawing {
	d := &drawing{}
	fmt.Fprintf(&d.out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n%s\n",
		width, height, html.EscapeString(description), drawingStyle)
	fmt.Fprintf(&d.out, `<rect class="paper" width="%d" height="%d"/>`+"\n", width, height)
	return d
}

func (d *drawing) end() []byte {
	d.out.WriteString("</svg>\n")
	return d.out.Bytes()
}

func (d *drawing) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(&d.out, `<text x="%s" y="%s" text-anchor="%s" class="%s">%s</text>`+"\n", num(x), num(y), anchor, class, html.EscapeString(text))
}

// up writes a text that reads from below.
func (d *drawing) up(x, y float64, text string) {
	fmt.Fprintf(&d.out, `<text transform="translate(%s %s) rotate(-90)" text-anchor="middle">%s</text>`+"\n", num(x), num(y), html.EscapeString(text))
}

func (d *drawing) dot(x, y float64, class string) {
	fmt.Fprintf(&d.out, `<circle cx="%s" cy="%s" r="3.5" class="%s"/>`+"\n", num(x), num(y), class)
}

// line through the points, x and y in turn.
func (d *drawing) line(class string, points ...float64) {
	var path strings.Builder
	for i := 0; i+1 < len(points); i += 2 {
		path.WriteString([]string{"M", "L"}[min(i, 1)] + num(points[i]) + " " + num(points[i+1]))
	}
	fmt.Fprintf(&d.out, `<path class="%s" d="%s"/>`+"\n", class, path.String())
}

func num(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// frame is a panel with its scales, in pixels from the left and the top.
type frame struct {
	left, top, width, height float64
	x, y                     func(v float64) float64 // 0 to 1 over the panel
}

func (f frame) at(x, y float64) (px, py float64) {
	return f.left + f.width*f.x(x), f.top + f.height*(1-f.y(y))
}

func linear(low, high float64) func(float64) float64 {
	return func(v float64) float64 { return (v - low) / (high - low) }
}

// label is a labelled place on an axis.
type label struct {
	at   float64
	text string
}

// axes draws the panel's frame, grid, labels and title.
func (d *drawing) axes(f frame, title, unit string, xs, ys []label) {
	bottom := f.top + f.height
	for _, l := range ys {
		_, y := f.at(0, l.at)
		d.line("grid", f.left, y, f.left+f.width, y)
		d.text(f.left-6, y+4, "end", "small", l.text)
	}
	for _, l := range xs {
		x := f.left + f.width*f.x(l.at)
		d.line("grid", x, f.top, x, bottom)
		d.text(x, bottom+16, "middle", "small", l.text)
	}
	d.line("axis", f.left, f.top, f.left, bottom, f.left+f.width, bottom)
	d.text(f.left+f.width/2, bottom+34, "middle", "small", unit)
	d.text(f.left, f.top-10, "start", "title", title)
}
