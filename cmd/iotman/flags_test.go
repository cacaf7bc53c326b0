package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandLine tries what is typed: help is printed where it was asked for,
// and nonsense is refused with a message, on standard error, with exit code 2.
func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string // a regexp; "" is nothing
		stderr string
	}{
		{"none", nil, 2, "", "(?s)serve .*token .*version .*expected a command"},
		{"help", []string{"help"}, 0, "(?s)serve .*token .*version ", ""},
		{"-h", []string{"-h"}, 0, "(?s)serve .*token .*version ", ""},
		{"-help", []string{"-help"}, 0, "(?s)serve .*token .*version ", ""},
		{"--help", []string{"--help"}, 0, "(?s)serve .*token .*version ", ""},
		{"command", []string{"sevre"}, 2, "", `unknown command "sevre"`},
		{"flag before command", []string{"-data", "x", "serve"}, 2, "", `unknown command "-data"`},
		{"serve -help", []string{"serve", "-help"}, 0, `(?s)-addr.*-data.*-public-url.*IOTMAN_PUBLIC_URL`, ""},
		{"token -help", []string{"token", "-help"}, 0, `(?s)-data.*-permissions.*-ttl.*-workspace`, ""},
		{"version -help", []string{"version", "-help"}, 0, `Prints the version`, ""},
		{"version", []string{"version"}, 0, `^iotman \S.* go1\.\S+ \w+/\w+\n$`, ""},
		{"serve flag", []string{"serve", "-dta", "x"}, 2, "", `flag provided but not defined: -dta; iotman serve -help is the manual`},
		{"serve argument", []string{"serve", "now"}, 2, "", `unexpected argument "now"`},
		{"serve value", []string{"serve", "-addr"}, 2, "", `flag needs an argument: -addr`},
		{"serve log", []string{"serve", "-log", "loud"}, 1, "", `-log is debug, info, warn or error; got "loud"`},
		{"serve address", []string{"serve", "-addr", "127.0.0.1:http-ish"}, 1, "", `listen: .*http-ish`},
		{"token flag", []string{"token", "-scope", "x"}, 2, "", `-scope`},
		{"token argument", []string{"token", "default"}, 2, "", `unexpected argument "default"`},
		{"token value", []string{"token", "-ttl", "soon"}, 2, "", `invalid value "soon" for flag -ttl`},
		{"version argument", []string{"version", "1"}, 2, "", `unexpected argument "1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := iotman(t, c.args...)
			if got.code != c.code {
				t.Errorf("got exit code %d, want %d", got.code, c.code)
			}
			match(t, "stdout", got.stdout, c.stdout)
			match(t, "stderr", got.stderr, c.stderr)
		})
	}
}

// match fails the test unless text matches the pattern; "" matches nothing.
func match(t *testing.T, what, text, pattern string) {
	t.Helper()
	if pattern == "" && text != "" || !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("%s: got %q, want it to match %q", what, text, pattern)
	}
}

// flagsOf returns the flags in a command's manual.
func flagsOf(t *testing.T, command string) []string {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  -(\S+)`).FindAllStringSubmatch(iotman(t, command, "-help").stdout, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		t.Fatalf("iotman %s -help lists no flag", command)
	}
	return names
}

func variableOf(flag string) string {
	return "IOTMAN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// TestFlagsAndEnvironment gives every flag a value that is refused by its
// variable, and then beside it one that is good as a flag: the flag wins.
func TestFlagsAndEnvironment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	start(t, dir).stop()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	cases := map[string]map[string]struct{ bad, message, good string }{
		"serve": {
			"addr":             {"127.0.0.1:http-ish", "listen:.*http-ish", "127.0.0.1:0"},
			"data":             {file + "/data", regexp.QuoteMeta(file), dir},
			"public-url":       {"ftp://x", "the public URL is.*ftp://x", "https://iot.example.com"},
			"key-file":         {file, "key file.*32 bytes", key},
			"allow-origin":     {"https://other.example.com", "", "https://good.example.com"},
			"trust-proxy":      {"my-proxy", "-trust-proxy.*my-proxy", "10.0.0.0/8"},
			"egress-allow":     {"nonsense", "-egress-allow.*nonsense", "private,192.0.2.1"},
			"log":              {"loud", "-log is.*loud", "error"},
			"client-documents": {"perhaps", `invalid.*"perhaps" for IOTMAN_CLIENT_DOCUMENTS`, "false"},
		},
		"login-link": {
			"data":     {file, "not a data folder", dir},
			"key-file": {file, "key file.*32 bytes", key},
			"email":    {"eve@example.com", `no account has the address "eve@example.com"`, "admin@localhost"},
		},
		"token": {
			"data":        {file, "not a data folder", dir},
			"key-file":    {file, "key file.*32 bytes", key},
			"workspace":   {"nosuch", "nosuch.*no such workspace", "default"},
			"email":       {"eve@example.com", `no account has the address "eve@example.com"`, "admin@localhost"},
			"permissions": {"sources:wreck", `unknown permission "sources:wreck"`, "data:read"},
			"ttl":         {"soon", `invalid value "soon" for IOTMAN_TTL`, "1m"},
		},
	}
	for command, flags := range cases {
		var bad, good []string
		for _, name := range flagsOf(t, command) {
			c, ok := flags[name]
			if !ok {
				t.Errorf("iotman %s has a flag -%s that this test does not know", command, name)
				continue
			}
			bad = append(bad, variableOf(name)+"="+c.bad)
			good = append(good, "-"+name+"="+c.good)
			if c.message == "" {
				continue
			}
			args := []string{command}
			for other, o := range flags {
				if other != name {
					args = append(args, "-"+other+"="+o.good)
				}
			}
			got := execute(t, program(t, []string{variableOf(name) + "=" + c.bad}, args...))
			if got.code != 1 || got.stdout != "" {
				t.Errorf("%s %s: got exit code %d and %q, want 1 and nothing", command, variableOf(name), got.code, got.stdout)
			}
			match(t, command+" "+variableOf(name), got.stderr, c.message)
		}
		cmd := program(t, bad, append([]string{command}, good...)...)
		if command != "serve" {
			if got := execute(t, cmd); got.code != 0 {
				t.Errorf("%s with every flag: exit %d: %s", command, got.code, got.stderr)
			}
			continue
		}
		s := launch(t, cmd)
		if want := " as https://iot.example.com, data in " + dir + "\n"; !strings.Contains(s.stdout.String(), want) {
			t.Errorf("got %q, want it to have %q", s.stdout, want)
		}
		for origin, want := range map[string]int{"https://good.example.com": http.StatusNoContent, "https://other.example.com": http.StatusForbidden} {
			if got := preflight(s, origin); got != want {
				t.Errorf("preflight from %s: got %d, want %d", origin, got, want)
			}
		}
		s.stop()
	}
}

// preflight asks as a browser does whether a page may call /mcp.
func preflight(s *server, origin string) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodOptions, s.url+"/mcp/default", http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	got, err := receive(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.status
}

// TestVariables gives everything by variables alone.
func TestVariables(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "keys", "key")
	variables := []string{
		"IOTMAN_ADDR=127.0.0.1:0", "IOTMAN_DATA=" + dir, "IOTMAN_PUBLIC_URL=https://IoT.example.com/", "IOTMAN_KEY_FILE=" + key,
		"IOTMAN_ALLOW_ORIGIN=https://good.example.com,https://better.example.com", "IOTMAN_LOG=debug",
	}
	s := launch(t, program(t, variables, "serve"))
	if _, err := os.Stat(key); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "key")); err == nil {
		t.Error("the folder has a key beside the one that IOTMAN_KEY_FILE names")
	}
	if got := preflight(s, "https://better.example.com"); got != http.StatusNoContent {
		t.Errorf("preflight: got %d, want 204", got)
	}
	got := execute(t, program(t, append(variables, "IOTMAN_PERMISSIONS=data:read", "IOTMAN_TTL=90s", "IOTMAN_EMAIL=Admin@Localhost", "IOTMAN_WORKSPACE=default"), "token"))
	if got.code != 0 {
		t.Fatalf("token: %s", got.stderr)
	}
	c := claimsOf(t, strings.TrimSpace(got.stdout))
	if c.Issuer != "https://iot.example.com" || c.Scope != "data:read" || c.Expires-c.IssuedAt != 90 {
		t.Errorf("got %+v, want the issuer https://iot.example.com, the scope data:read and 90 s", c)
	}
	s.stop()

	// IOTMAN_KEY may stand for the file; two keys are one too many.
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	withKey := []string{"IOTMAN_DATA=" + dir, "IOTMAN_KEY=" + strings.TrimSpace(string(text))}
	if got := execute(t, program(t, withKey, "token")); got.code != 0 {
		t.Errorf("IOTMAN_KEY: exit %d: %s", got.code, got.stderr)
	}
	got = execute(t, program(t, append(withKey, "IOTMAN_KEY_FILE="+key), "token"))
	if got.code != 1 {
		t.Errorf("two keys: got exit code %d, want 1", got.code)
	}
	match(t, "two keys", got.stderr, "give one of them")
	got = execute(t, program(t, []string{"IOTMAN_DATA=" + dir, "IOTMAN_KEY=short"}, "token"))
	if got.code != 1 {
		t.Errorf("a short key: got exit code %d, want 1", got.code)
	}
	match(t, "a short key", got.stderr, "IOTMAN_KEY: a key is 32 bytes")
}
