package iot_test

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"iotman/iot"
)

const uuid = "01940c6e-7a3b-7c2d-8e4f-0123456789ab"

func TestIsID(t *testing.T) {
	pattern := regexp.MustCompile(iot.IDPattern)
	for s, want := range map[string]bool{
		uuid:                                   true,
		"00000000-0000-0000-0000-000000000000": true,
		"":                                     false,
		uuid[:35]:                              false,
		uuid + "0":                             false,
		strings.ToUpper(uuid):                  false,
		strings.ReplaceAll(uuid, "-", "0"):     false,
		strings.Replace(uuid, "0", "-", 1):     false,
		strings.Replace(uuid, "0", "g", 1):     false,
		"{" + uuid[1:35] + "}":                 false,
		uuid[:35] + "\n":                       false,
		"01940c6e-7a3b-7c2d-8e4f-0123456789\u00e9": false,
	} {
		if got := iot.IsID(s); got != want {
			t.Errorf("IsID(%q): got %v, want %v", s, got, want)
		}
		if got := pattern.MatchString(s); got != want {
			t.Errorf("IDPattern on %q: got %v, want %v", s, got, want)
		}
	}
}

func TestCheckSlug(t *testing.T) {
	pattern := regexp.MustCompile(iot.SlugPattern)
	for s, want := range map[iot.Slug]bool{
		"a":                               true,
		"7":                               true,
		"plant-7":                         true,
		"a--b":                            true,
		iot.Slug(strings.Repeat("a", 63)): true,
		iot.Slug("w-" + uuid):             true,
		"":                                false,
		"-":                               false,
		"-a":                              false,
		"a-":                              false,
		"A":                               false,
		"a_b":                             false,
		"a.b":                             false,
		"a b":                             false,
		"a\n":                             false,
		"a/../b":                          false,
		"é":                               false,
		"a\x00":                           false,
		iot.Slug(strings.Repeat("a", 64)): false,
	} {
		wantKind(t, "CheckSlug", string(s), iot.CheckSlug(s), want, "slug")
		if got := pattern.MatchString(string(s)); got != want {
			t.Errorf("SlugPattern on %q: got %v, want %v", s, got, want)
		}
	}
	wantKind(t, "CheckSlug", uuid, iot.CheckSlug(uuid), false, "slug") // which the pattern cannot say
}

func TestCheckURLPath(t *testing.T) {
	pattern := regexp.MustCompile(iot.URLPathPattern)
	for s, want := range map[iot.URLPath]bool{
		"a":                                  true,
		"_":                                  true,
		"-":                                  true,
		"line_1-raw":                         true,
		uuid:                                 true,
		iot.URLPath(strings.Repeat("a", 64)): true,
		"":                                   false,
		"A":                                  false,
		"a/b":                                false,
		".":                                  false,
		"a%2fb":                              false,
		"a\n":                                false,
		"ß":                                  false,
		iot.URLPath(strings.Repeat("a", 65)): false,
	} {
		wantKind(t, "CheckURLPath", string(s), iot.CheckURLPath(s), want, "url_path")
		if got := pattern.MatchString(string(s)); got != want {
			t.Errorf("URLPathPattern on %q: got %v, want %v", s, got, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for s, want := range map[iot.Name]bool{
		"a":                                true,
		"Plant 7, line 3":                  true,
		"Zürich · 工場":                      true,
		iot.Name(strings.Repeat("é", 120)): true, // characters, not bytes
		"":                                 false,
		" ":                                false,
		"\u00a0\u2003":                     false,
		"a\tb":                             false,
		"a\nb":                             false,
		"a\x00":                            false,
		"a\u0085":                          false, // a control character of two bytes
		"a\xff":                            false,
		iot.Name(strings.Repeat("a", 121)): false,
	} {
		wantKind(t, "CheckName", string(s), iot.CheckName(s), want, "name")
	}
}

// wantKind checks that err is nil where ok is wanted, and else a short Invalid
// error at the field.
func wantKind(t *testing.T, check, in string, err error, ok bool, field string) {
	t.Helper()
	if ok {
		if err != nil {
			t.Errorf("%s(%q): got %v, want no error", check, in, err)
		}
		return
	}
	p := iot.ProblemOf(err)
	if err == nil || p.Code != "invalid" || p.Field != field {
		t.Errorf("%s(%q): got %v, want an invalid %s", check, in, err, field)
	}
	if len(p.Detail) > 300 {
		t.Errorf("%s(%q): got a message of %d bytes, want a short one", check, in, len(p.Detail))
	}
}

func TestErrorsQuoteLittle(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	_, role := iot.ParseRole(long)
	_, permission := iot.ParsePermissions(long)
	var at iot.Time
	for name, err := range map[string]error{
		"CheckSlug":        iot.CheckSlug(iot.Slug(long)),
		"CheckURLPath":     iot.CheckURLPath(iot.URLPath(long)),
		"CheckName":        iot.CheckName(iot.Name(long)),
		"ParseRole":        role,
		"ParsePermissions": permission,
		"Time":             json.Unmarshal([]byte(`"`+long+`"`), &at),
	} {
		if err == nil || len(err.Error()) > 300 {
			t.Errorf("%s: got an error of %d bytes, want a short one", name, len(err.Error()))
		}
	}
}

func TestSlugify(t *testing.T) {
	for name, want := range map[string]iot.Slug{
		"Plant 7":                            "plant-7",
		"  Line #3 — raw!  ":                 "line-3-raw",
		"a--b":                               "a-b",
		"ALREADY-fine":                       "already-fine",
		"Zürich":                             "z-rich",
		"\u212aelvin":                        "kelvin", // the Kelvin sign has k as its lower case
		"工場":                                 "",
		"---":                                "",
		"":                                   "",
		"\xff\xfe":                           "",
		uuid:                                 "w-" + uuid,
		strings.ToUpper(uuid):                "w-" + uuid,
		" " + uuid + " ":                     "w-" + uuid,
		strings.Repeat("a", 200):             iot.Slug(strings.Repeat("a", 56)),
		strings.Repeat("a", 55) + " bcd":     iot.Slug(strings.Repeat("a", 55) + "-b"),
		strings.Repeat("a", 56) + " bcd":     iot.Slug(strings.Repeat("a", 56)),
		strings.Repeat("-", 100) + "a":       "a",
		"a" + strings.Repeat("é", 100) + "b": "a-b",
	} {
		if got := iot.Slugify(name); got != want {
			t.Errorf("Slugify(%q): got %q, want %q", name, got, want)
		}
	}
}

func FuzzSlugify(f *testing.F) {
	for _, name := range []string{"", "Plant 7", "-", uuid, strings.ToUpper(uuid), strings.Repeat("a ", 60), "\u0130\u212a", "\xff"} {
		f.Add(name)
	}
	pattern := regexp.MustCompile(iot.SlugPattern)
	f.Fuzz(func(t *testing.T, name string) {
		s := iot.Slugify(name)
		if s == "" {
			return
		}
		if err := iot.CheckSlug(s); err != nil || !pattern.MatchString(string(s)) {
			t.Errorf("Slugify(%q): got %q, which is no slug: %v", name, s, err)
		}
		if room := 63 - len(s); room < 4 {
			t.Errorf("Slugify(%q): got %q, which leaves room for a suffix of %d bytes, want 4", name, s, room)
		}
	})
}

func TestTimeJSON(t *testing.T) {
	for in, want := range map[string]string{
		`"2026-11-22T10:00:00Z"`:             `"2026-11-22T10:00:00.000000Z"`,
		`"2026-11-22T10:00:00.5Z"`:           `"2026-11-22T10:00:00.500000Z"`,
		`"2026-11-22T10:00:00.123456Z"`:      `"2026-11-22T10:00:00.123456Z"`,
		`"2026-11-22T10:00:00.123456789Z"`:   `"2026-11-22T10:00:00.123456Z"`,
		`"2026-11-22T10:00:00+02:00"`:        `"2026-11-22T08:00:00.000000Z"`,
		`"2026-01-01T00:00:00.000001+14:00"`: `"2025-12-31T10:00:00.000001Z"`,
		`"1969-12-31T23:59:59.9999999Z"`:     `"1969-12-31T23:59:59.999999Z"`, // before the epoch, too, rounded down
		`"0000-01-01T00:00:00Z"`:             `"0000-01-01T00:00:00.000000Z"`,
		`"9999-12-31T23:59:59.999999Z"`:      `"9999-12-31T23:59:59.999999Z"`,
		`"2024-02-29T12:00:00\u005a"`:        `"2024-02-29T12:00:00.000000Z"`,
	} {
		var got iot.Time
		if err := json.Unmarshal([]byte(in), &got); err != nil {
			t.Errorf("%s: got %v, want no error", in, err)
			continue
		}
		b, err := json.Marshal(got)
		if err != nil || string(b) != want {
			t.Errorf("%s: got %s, %v, want %s", in, b, err, want)
		}
		var again iot.Time
		if err := json.Unmarshal(b, &again); err != nil || again != got {
			t.Errorf("%s: got %v, %v after a round trip, want %v", in, again, err, got)
		}
	}
}

func TestTimeRefuses(t *testing.T) {
	for _, in := range []string{
		`""`, `"yesterday"`, `"2026-11-22"`, `"2026-11-22T10:00:00"`, `"2026-11-22 10:00:00Z"`, `"2026-02-29T10:00:00Z"`,
		`"2026-11-22T24:00:00Z"`, `"2026-11-22T10:00:60Z"`, `1732269600`, `null`, `{}`,
		`"9999-12-31T23:59:59-01:00"`, // the year 10000 in UTC, which RFC 3339 cannot write
		`"0000-01-01T00:00:00+01:00"`, // the year -1
	} {
		var got iot.Time
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s: got %v, want an error", in, got)
		}
	}
}

func TestTimeText(t *testing.T) {
	at := iot.Time{Time: time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.FixedZone("", 3600))}
	const want = "2026-11-22T09:00:00.123456Z"
	if got, err := at.AppendText([]byte("at ")); err != nil || string(got) != "at "+want {
		t.Errorf("AppendText: got %q, %v, want %q", got, err, "at "+want)
	}
	if got, err := at.MarshalText(); err != nil || string(got) != want {
		t.Errorf("MarshalText: got %q, %v, want %q", got, err, want)
	}
	var back iot.Time
	if err := back.UnmarshalText([]byte(want)); err != nil || back != iot.Micros(at.UnixMicro()) {
		t.Errorf("UnmarshalText: got %v, %v, want %v", back, err, iot.Micros(at.UnixMicro()))
	}
	if got, err := json.Marshal(map[iot.Time]int{at: 1}); err != nil || string(got) != `{"`+want+`":1}` {
		t.Errorf("as a key: got %s, %v, want %s", got, err, want)
	}
}

// TestTimeAppend: times are written as TimeLayout says, whatever they are.
func TestTimeAppend(t *testing.T) {
	year := func(n int) int64 { return time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() }
	all := []int64{0, -1, 1, 999_999, year(0), year(0) - 1, year(10_000) - 1, year(10_000), year(12_345), year(-7), year(2028) + 59*86_400_000_000}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		all = append(all, year(0)+r.Int64N(year(10_000)-year(0)))
	}
	for _, us := range all {
		at := time.UnixMicro(us).In(time.FixedZone("", 3600))
		if got, want := string(iot.Time{Time: at}.Append([]byte("at "))), "at "+at.UTC().Format(iot.TimeLayout); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestMicros(t *testing.T) {
	for us, want := range map[int64]string{
		0:                     "1970-01-01T00:00:00.000000Z",
		-1:                    "1969-12-31T23:59:59.999999Z",
		1_795_341_600_000_001: "2026-11-22T10:00:00.000001Z",
	} {
		at := iot.Micros(us)
		if got := at.Format(iot.TimeLayout); got != want || at.Location() != time.UTC || at.UnixMicro() != us {
			t.Errorf("Micros(%d): got %s in %v, want %s in UTC", us, got, at.Location(), want)
		}
	}
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-11-22T10:00:00.123456789+05:45", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00,5Z", "", "2026-11-22T1:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var first, again iot.Time
		in, err := json.Marshal(s)
		if err != nil || json.Unmarshal(in, &first) != nil {
			return
		}
		out, err := json.Marshal(first)
		if err != nil || len(out) != len(iot.TimeLayout)+2 {
			t.Fatalf("%q: got %s, %v, want the layout %s", s, out, err, iot.TimeLayout)
		}
		if err := json.Unmarshal(out, &again); err != nil || again != first {
			t.Errorf("%q: got %v, %v after a round trip, want %v", s, again, err, first)
		}
	})
}

func TestOpt(t *testing.T) {
	type update struct {
		Name iot.Opt[string] `json:"name,omitzero"`
	}
	for in, test := range map[string]struct {
		want  iot.Opt[string]
		after string // of a field that held "old"
		out   string
	}{
		`{}`:             {iot.Opt[string]{}, "old", `{}`},
		`{"name":null}`:  {iot.Opt[string]{Set: true, Null: true}, "", `{"name":null}`},
		`{"name":"new"}`: {iot.Some("new"), "new", `{"name":"new"}`},
		`{"name":""}`:    {iot.Some(""), "", `{"name":""}`},
	} {
		var u update
		if err := json.Unmarshal([]byte(in), &u); err != nil || u.Name != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", in, u.Name, err, test.want)
		}
		field := "old"
		if u.Name.Apply(&field); field != test.after {
			t.Errorf("%s: got %q after Apply, want %q", in, field, test.after)
		}
		if out, err := json.Marshal(u); err != nil || string(out) != test.out {
			t.Errorf("%s: got %s, %v, want %s", in, out, err, test.out)
		}
	}
	var u update
	if err := json.Unmarshal([]byte(`{"name":7}`), &u); err == nil {
		t.Errorf("a number: got %+v, want an error", u.Name)
	}
	reused := iot.Some("old")
	if err := json.Unmarshal([]byte(`null`), &reused); err != nil || reused != (iot.Opt[string]{Set: true, Null: true}) {
		t.Errorf("null over a value: got %+v, %v, want null and no value", reused, err)
	}
}
