package schema

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"iotman/iot"
)

// maxDigits bounds the numbers of a schema: below 10^400, and no finer than
// 10^-400, which floating point goes not beyond either. What is compared with
// them may have any size.
const maxDigits = 400

// decimal is a JSON number to the digit: digits × 10^exp. The digits have no
// zeros at either end, so that equal numbers are equal decimals; zero has none.
type decimal struct {
	negative bool
	digits   string
	exp      int64
}

// parse returns the decimal that a valid JSON number is. An exponent beyond
// 2^40 counts as 2^40.
func parse(n json.Number) decimal {
	s, negative := strings.CutPrefix(string(n), "-")
	var exp int64
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		const most = 1 << 40
		exp, _ = strconv.ParseInt(s[i+1:], 10, 64) // beyond its range: its end
		exp = min(max(exp, -most), most)
		s = s[:i]
	}
	if whole, fraction, ok := strings.Cut(s, "."); ok {
		s = whole + fraction
		exp -= int64(len(fraction))
	}
	s = strings.TrimLeft(s, "0")
	digits := strings.TrimRight(s, "0")
	if digits == "" {
		return decimal{}
	}
	return decimal{negative, digits, exp + int64(len(s)-len(digits))}
}

// isInteger reports whether n is a whole number, as 1, 1.0 and 1e3 are.
func isInteger(n json.Number) bool {
	return !strings.ContainsAny(string(n), ".eE") || parse(n).exp >= 0
}

// magnitude returns how many digits d has before the point, negative for zeros
// after it.
func (d decimal) magnitude() int64 {
	if d.digits == "" {
		return 0
	}
	return int64(len(d.digits)) + d.exp
}

// sign returns -1, 0 or 1.
func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// rat returns d as a fraction. Its exponent and digits must be moderate.
func (d decimal) rat() *big.Rat {
	s := "0" + d.digits + "e" + strconv.FormatInt(d.exp, 10)
	if d.negative {
		s = "-" + s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// cost returns how many steps it takes to calculate with d and a number of a
// schema.
func (d decimal) cost(bound *big.Rat) int {
	digits := min(len(d.digits), 5*maxDigits) + int(min(max(d.exp, -d.exp), 5*maxDigits))
	words := (bound.Num().BitLen()+bound.Denom().BitLen())/64 + digits/16
	return 4 * words
}

// compare returns -1, 0 or 1 as d is less than, equal to or greater than a
// number of a schema.
func (d decimal) compare(bound *big.Rat) int {
	const most = 2*maxDigits + 2 // no number of a schema has more digits than that
	switch m := d.magnitude(); {
	case m > maxDigits:
		return d.sign() // beyond every bound
	case m < -maxDigits && bound.Sign() != 0:
		return -bound.Sign() // next to nothing
	case m < -maxDigits:
		return d.sign()
	}
	if len(d.digits) > most {
		d.exp += int64(len(d.digits) - most - 1)
		d.digits = d.digits[:most] + "1" // the rest is more than nothing
	}
	return d.rat().Cmp(bound)
}

// isMultiple reports whether d is a whole multiple of a number of a schema,
// step. known is false for more digits than it calculates with.
func (d decimal) isMultiple(step *big.Rat) (yes, known bool) {
	switch {
	case d.digits == "":
		return true, true
	case d.exp < -maxDigits: // finer than any step
		return false, true
	case len(d.digits) > 4*maxDigits:
		return false, false
	}
	d.exp = min(d.exp, 5*maxDigits) // more than all the twos and fives that a step's digits can hold
	return new(big.Rat).Quo(d.rat(), step).IsInt(), true
}

// plain writes a number of a schema as a decimal.
func plain(r *big.Rat) string {
	digits, exact := r.FloatPrec()
	if !exact {
		digits = 20
	}
	return iot.Clip(r.FloatString(digits))
}
