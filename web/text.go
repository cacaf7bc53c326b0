package web

import (
	"strings"
	"unicode"
)

// The greatest lengths of text on a page, in characters.
const (
	maxName = 64
	maxHost = 260 // a host has at most 253, a port 6
	maxText = 500
)

// CleanName makes a name that a stranger chose fit to stand in a sentence: 64
// characters, without what is invisible, turns the text around (UAX 9) or
// climbs over its neighbours, blanks collapsed. Quotation marks become ', so
// that a quoted name does not end its quotation. The templates do it to every
// name; letters that only look like others are left, which is why a host stands
// beside an unverified name.
func CleanName(s string) string {
	return clean(strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"“”„‟«»〝〞＂″‶", r) {
			return '\''
		}
		return r
	}, head(s, 16*maxName)), maxName)
}

// clean strips s of what no page shows, collapses blanks, and cuts it.
func clean(s string, most int) string {
	var b strings.Builder
	count, marks, blank := 0, 0, false
	for _, r := range head(s, 16*most) {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case !unicode.IsPrint(r) || invisible(r):
			continue
		case unicode.Is(unicode.M, r):
			// An accent or two is language, more is paint.
			if marks++; marks > 2 || b.Len() == 0 {
				continue
			}
		default:
			marks = 0
		}
		if blank {
			count, blank = count+1, false
			b.WriteByte(' ')
		}
		if count++; count > most {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteRune(r)
	}
	return b.String()
}

// invisible reports letters that show nothing: Hangul fillers and the blank
// pattern of Braille.
func invisible(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0':
		return true
	}
	return false
}

// head returns the first bytes of s: what is longer is not worth reading.
func head(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// cleanHost makes a host fit to be shown. What is not ASCII, which no host is
// once it is encoded, shows as such; and a host is cut at its beginning, since
// its end says whose it is.
func cleanHost(s string) string {
	if len(s) > maxHost {
		s = "…" + strings.ToValidUTF8(s[len(s)-maxHost:], "")
	}
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < unicode.MaxASCII || r == '…' {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// grouped splits a code where people do when they read it out: at its own
// hyphens, or in halves.
func grouped(code string) []string {
	code = clean(code, maxName)
	if parts := strings.FieldsFunc(code, func(r rune) bool { return r == '-' || r == ' ' }); len(parts) > 1 {
		return parts
	}
	if letters := []rune(code); len(letters) > 4 {
		return []string{string(letters[:len(letters)/2]), string(letters[len(letters)/2:])}
	}
	return []string{code}
}

// ownPath returns where a link or a form leads, if that is here; else /. What
// else browsers read as //, such as /\, html/template has encoded by then.
func ownPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return "/"
	}
	return s
}
