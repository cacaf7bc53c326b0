package iot

import "strings"

// MaxEmail is the greatest length of an address in bytes (RFC 5321 section
// 4.5.3.1.3, without the angle brackets).
const MaxEmail = 254

// ParseEmail returns an address in the one form that accounts are known by:
// ASCII, in lower case, without blanks around it. Two spellings that people
// take for one are one, and one that looks like another's is not: what is not
// ASCII is refused, a domain beyond it is written as its registrar has it
// (xn--…, RFC 5890).
func ParseEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	local, domain, ok := strings.Cut(s, "@")
	ok = ok && local != "" && len(s) <= MaxEmail && len(local) <= 64 && validDomain(domain)
	for _, c := range []byte(local) {
		ok = ok && c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),:;<>@[\]`, rune(c))
	}
	if !ok {
		return "", Errorf(Invalid, "expected an email address such as ada@example.com, in ASCII; got %q", Clip(s)).At("email").
			Hinting("write a domain beyond ASCII as it is registered, beginning with xn--")
	}
	return strings.ToLower(s), nil
}

// validDomain reports whether a domain is labels of letters, digits and '-'
// (RFC 1123 section 2.1); one label is enough for a machine's own mail.
func validDomain(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(strings.ToLower(label)) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}
