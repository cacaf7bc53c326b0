package iot

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ID names an entity: a UUID in its canonical form, version 7 (RFC 9562) for
// everything iotman makes.
type ID string

// IDPattern is the form of an ID.
const IDPattern = `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`

// IsID reports whether s has the form of an ID.
func IsID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// Slug names an entity in URLs: 1 to 63 of a-z, 0-9 and '-', beginning and
// ending with a letter or digit, and not shaped like an ID.
type Slug string

// SlugPattern is the form of a Slug.
const SlugPattern = `^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`

// CheckSlug returns what is wrong with s as a slug, or nil.
func CheckSlug(s Slug) error {
	ok := len(s) >= 1 && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return Errorf(Invalid, "a slug is 1 to 63 of a-z, 0-9 and '-', with no '-' at either end; got %q", Clip(string(s))).At("slug")
	}
	if IsID(string(s)) {
		return Errorf(Invalid, "a slug must not look like an id; got %q", s).At("slug")
	}
	return nil
}

// Slugify derives a slug from a name: letters lower-cased, runs of anything
// else made one '-'. A name with nothing to keep gives "".
func Slugify(name string) Slug {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
		} else {
			dash = true
		}
		if b.Len() >= 56 { // leaves room for a suffix that makes it unique
			break
		}
	}
	s := strings.Trim(b.String(), "-")
	if IsID(s) {
		s = "w-" + s
	}
	return Slug(s)
}

// URLPath is the last segment of a data URL: 1 to 64 of a-z, 0-9, '_' and '-'.
type URLPath string

// URLPathPattern is the form of a URLPath.
const URLPathPattern = `^[a-z0-9_-]{1,64}$`

// CheckURLPath returns what is wrong with s as a URL path, or nil.
func CheckURLPath(s URLPath) error {
	ok := len(s) >= 1 && len(s) <= 64
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return Errorf(Invalid, "a url_path is 1 to 64 of a-z, 0-9, '_' and '-'; got %q", Clip(string(s))).At("url_path")
	}
	return nil
}

// Name is what people call an entity: 1 to 120 characters, no control
// characters.
type Name string

// MaxName is the greatest length of a Name in characters.
const MaxName = 120

// CheckName returns what is wrong with s as a name, or nil.
func CheckName(s Name) error {
	n := utf8.RuneCountInString(string(s))
	if strings.TrimSpace(string(s)) == "" || n > MaxName {
		return Errorf(Invalid, "a name is 1 to %d characters, not only blanks; got %d characters", MaxName, n).At("name")
	}
	return CheckText("name", string(s))
}

// CheckText refuses what no text that people read should hold: control
// characters and invalid UTF-8.
func CheckText(field, s string) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return Errorf(Invalid, "%s holds control characters or invalid UTF-8", field).At(field)
	}
	return nil
}

// Clip shortens strangers' text so that an error message stays short and
// shows no control characters.
func Clip(s string) string { return clip(s, 80) }

// ClipPointer shortens a JSON pointer (RFC 6901), which holds strangers' keys.
func ClipPointer(p string) string { return clip(p, 256) }

func clip(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Time is a moment, written as RFC 3339 in UTC with microseconds.
type Time struct{ time.Time }

// TimeLayout is the written form of a Time.
const TimeLayout = "2006-01-02T15:04:05.000000Z"

// Micros returns the Time that is us microseconds after the Unix epoch.
func Micros(us int64) Time { return Time{time.UnixMicro(us).UTC()} }

// Append appends the written form to b, as [TimeLayout] says and several times
// as fast as by it: a page of events has two hundred times.
func (t Time) Append(b []byte) []byte {
	u := t.UTC()
	year, month, day := u.Date()
	if year < 0 || year > 9999 {
		return u.AppendFormat(b, TimeLayout)
	}
	hour, minute, second := u.Clock()
	b = appendDigits(b, year, 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	b = appendDigits(append(b, '.'), u.Nanosecond()/1000, 6)
	return append(b, 'Z')
}

// appendDigits appends the last n decimal digits of v, which is not negative.
func appendDigits(b []byte, v, n int) []byte {
	b = append(b, "000000"[:n]...)
	for i := len(b) - 1; v > 0 && n > 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
		n--
	}
	return b
}

// AppendText appends the written form to b.
func (t Time) AppendText(b []byte) ([]byte, error) { return t.Append(b), nil }

// MarshalText returns the written form.
func (t Time) MarshalText() ([]byte, error) { return t.Append(nil), nil }

// MarshalJSON returns the written form as a JSON string.
func (t Time) MarshalJSON() ([]byte, error) {
	return append(t.Append([]byte{'"'}), '"'), nil
}

// UnmarshalText reads any RFC 3339 time whose year has four digits in UTC, too,
// since no other has a written form.
func (t *Time) UnmarshalText(b []byte) error {
	p, err := time.Parse(time.RFC3339Nano, string(b))
	if year := p.UTC().Year(); err != nil || year < 0 || year > 9999 {
		return Errorf(Invalid, "expected a time such as 2026-11-22T10:00:00Z, got %q", Clip(string(b)))
	}
	*t = Micros(p.UnixMicro())
	return nil
}

// UnmarshalJSON reads what UnmarshalText does from a JSON string.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	return t.UnmarshalText([]byte(s))
}

// Opt is a field of an update: absent keeps the value, null clears it, a
// value replaces it.
type Opt[T any] struct {
	Set   bool // the field was there
	Null  bool // it was null
	Value T
}

// Some returns an Opt that holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{Set: true, Value: v} }

// Apply changes *dst as the update says.
func (o Opt[T]) Apply(dst *T) {
	if o.Set {
		*dst = o.Value
	}
}

// IsZero reports whether the field was absent (for omitzero).
func (o Opt[T]) IsZero() bool { return !o.Set }

// MarshalJSON writes the value, or null.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.Null || !o.Set {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON reads the value, or null.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	var zero T
	o.Set, o.Null, o.Value = true, string(b) == "null", zero
	if o.Null {
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}
