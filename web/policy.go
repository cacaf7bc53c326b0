package web

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// contentPolicy is the Content-Security-Policy of a page (CSP level 3), whose
// forms may lead to the sources given, beside here.
func contentPolicy(formAction []string) (string, error) {
	for _, s := range formAction {
		if !isSource(s) {
			return "", fmt.Errorf("web: %.80q is not a source that form-action takes", s)
		}
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; form-action " +
		strings.Join(append([]string{"'self'"}, formAction...), " ") +
		"; base-uri 'none'; frame-ancestors 'none'", nil
}

// sources are the scheme-source and the host-source of CSP level 3 section
// 2.3.1, without wildcards and paths.
var sources = regexp.MustCompile(`^(?:[a-z][a-z0-9+.-]*:|https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?)$`)

func isSource(s string) bool {
	switch s {
	case "javascript:", "data:", "vbscript:", "blob:":
		return false
	}
	return sources.MatchString(s)
}

// RedirectSources returns what a page's FormAction needs so that a form may end
// in a redirect to uri: Chromium holds form-action against every redirect that
// follows a POST, and blocks the rest without a word to the person.
//
// The first source is the URI's origin; or its scheme, where that is a
// private-use one (RFC 8252 section 7.1) or the host is an IPv6 address, which
// no source can name. The second is https:, since many an app's callback
// redirects once more, to a page of its maker's. There are none of a URI that
// no form may lead to.
func RedirectSources(uri string) []string {
	u, err := url.Parse(uri)
	if err != nil {
		return nil
	}
	source := u.Scheme + ":"
	if web := u.Scheme == "http" || u.Scheme == "https"; web && !strings.Contains(u.Host, "[") {
		source += "//" + strings.ToLower(u.Host)
	}
	if !isSource(source) {
		return nil
	}
	return []string{source, "https:"}
}
