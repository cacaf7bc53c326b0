package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// The picture's measures, in its own units. Its colours are read on a light
// page and on a dark one alike.
const (
	panelWide, panelHigh = 300.0, 190.0
	edgeLeft, edgeTop    = 52.0, 56.0
	gap                  = 62.0
	below                = 70.0
	ink, faint           = "#8b949e", "#8b949e55"
)

var colours = []string{"#2f81f7", "#8b949e"}

// draw returns the curves as an SVG picture, side by side, each from zero.
func draw(cs []curve) []byte {
	var b bytes.Buffer
	wide := edgeLeft + float64(len(cs))*(panelWide+gap) - gap + 24
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="system-ui, sans-serif" font-size="11" fill="%s">`+"\n",
		wide, edgeTop+panelHigh+below, ink)
	for i, c := range cs {
		fmt.Fprintf(&b, `<g transform="translate(%.0f %.0f)">`+"\n", edgeLeft+float64(i)*(panelWide+gap), edgeTop)
		c.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// draw draws one curve with its axes.
func (c curve) draw(b *bytes.Buffer) {
	text := func(x, y float64, anchor, style, s string) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, style, html.EscapeString(s))
	}
	line := func(x1, y1, x2, y2 float64, colour string) {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
	}
	job, by, _ := strings.Cut(c.job, ", by ")
	text(0, -34, "start", ` font-weight="600" font-size="13"`, job)
	text(0, -17, "start", "", c.unit+", by "+by)
	top := c.top()
	y := func(v float64) float64 { return panelHigh * (1 - v/top) }
	x := func(i int) float64 { return panelWide * (float64(i) + 0.5) / float64(len(c.at)) }
	for i := range 5 {
		v := top * float64(i) / 4
		line(0, y(v), panelWide, y(v), faint)
		text(-6, y(v)+4, "end", "", short(v))
	}
	for i, at := range c.at {
		text(x(i), panelHigh+17, "middle", "", at)
	}
	for i := len(c.series) - 1; i >= 0; i-- { // iotman's on top
		s, colour, dash := c.series[i], colours[i%len(colours)], ""
		if i > 0 {
			dash = ` stroke-dasharray="5 4"`
		}
		var points []string
		for j, v := range s.rate {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(j), y(v)))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(points, " "), colour, dash)
		for j, v := range s.rate {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(j), y(v), colour)
			lift := -8.0
			if slices.ContainsFunc(c.series, func(other series) bool { return other.rate[j] > v }) {
				lift = 15 // the lower of two figures stands below its line
			}
			text(x(j), y(v)+lift, "middle", fmt.Sprintf(` fill="%s"`, colour), short(v))
		}
		at := float64(i) * 84
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2"%s/>`+"\n",
			at, panelHigh+42, at+20, panelHigh+42, colour, dash)
		text(at+26, panelHigh+46, "start", "", s.name)
	}
}

// top returns a round number above everything that is drawn.
func (c curve) top() float64 {
	most := 0.0
	for _, s := range c.series {
		most = max(most, slices.Max(s.rate))
	}
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, f := range []float64{1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8} {
		if f*unit >= 1.08*most {
			return f * unit
		}
	}
	return 12 * unit
}

// short writes 12345 as 12.3k.
func short(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return strings.Replace(fmt.Sprintf("%.1fk", v/1000), ".0k", "k", 1)
}
