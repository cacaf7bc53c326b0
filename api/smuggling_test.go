package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestC8Smuggling: where two readers of the same bytes may disagree on where a
// request ends, it is refused and the connection closed. What follows it is
// never executed.
func TestC8Smuggling(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	p.endpoint("gh", nil)
	host := strings.TrimPrefix(s.url, "http://")
	const line, body = "POST /data/north/gh HTTP/1.1\r\n", `{"first":1}`
	hidden := fmt.Sprintf("POST /data/north/gh HTTP/1.1\r\nHost: %s\r\nContent-Length: 14\r\n\r\n{\"smuggled\":1}", host)
	head := line + "Host: " + host + "\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for name, c := range map[string]struct {
		sent   string
		status int  // of the first answer
		last   bool // no further request is read, though this one is well formed
	}{
		"CL and TE":              {head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, 202, true},
		"TE and CL":              {head + "Transfer-Encoding: chunked\r\n" + length + "\r\n" + chunked, 202, true},
		"CL twice":               {head + length + "Content-Length: 5\r\n\r\n" + body, 400, true},
		"CL of two":              {head + "Content-Length: 11, 5\r\n\r\n" + body, 400, true},
		"CL signed":              {head + "Content-Length: +11\r\n\r\n" + body, 400, true},
		"CL negative":            {head + "Content-Length: -1\r\n\r\n" + body, 400, true},
		"CL hexadecimal":         {head + "Content-Length: 0xb\r\n\r\n" + body, 400, true},
		"CL overflowing":         {head + "Content-Length: 18446744073709551627\r\n\r\n" + body, 400, true},
		"CL with a blank":        {head + "Content-Length : 11\r\n\r\n" + body, 400, true},
		"TE xchunked":            {head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked, 501, true},
		"TE identity, chunked":   {head + "Transfer-Encoding: identity, chunked\r\n\r\n" + chunked, 501, true},
		"TE twice":               {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked, 501, true},
		"TE with a blank":        {head + "Transfer-Encoding : chunked\r\n\r\n" + chunked, 400, true},
		"TE with VT":             {head + "Transfer-Encoding: \vchunked\r\n\r\n" + chunked, 400, true},
		"TE in HTTP/1.0":         {strings.Replace(head, "1.1", "1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n" + chunked, 400, true},
		"obs-fold":               {head + "X-A: b\r\n Content-Length: 5\r\n" + length + "\r\n" + body, 202, false},
		"obs-fold first":         {line + " Host: " + host + "\r\n" + length + "\r\n" + body, 400, true},
		"CR in a value":          {head + "X-A: b\rTransfer-Encoding: chunked\r\n" + length + "\r\n" + body, 400, true},
		"NUL in a value":         {head + "X-A: b\x00\r\n" + length + "\r\n" + body, 400, true},
		"CRLF in the path":       {"POST /data/north/gh\r\nX: y HTTP/1.1\r\nHost: " + host + "\r\n" + length + "\r\n" + body, 400, true},
		"CRLF encoded":           {"POST /data/north/gh%0d%0aX:%20y HTTP/1.1\r\nHost: " + host + "\r\n" + length + "\r\n" + body, 404, false},
		"two blanks":             {"POST  /data/north/gh HTTP/1.1\r\nHost: " + host + "\r\n" + length + "\r\n" + body, 400, true},
		"no Host":                {line + length + "\r\n" + body, 400, true},
		"Host twice":             {head + "Host: elsewhere\r\n" + length + "\r\n" + body, 400, true},
		"Host malformed":         {line + "Host: a b\r\n" + length + "\r\n" + body, 400, true},
		"a header without name":  {head + ": x\r\n" + length + "\r\n" + body, 400, true},
		"a header without colon": {head + "X\r\n" + length + "\r\n" + body, 400, true},
		"chunk size overflowing": {head + "Transfer-Encoding: chunked\r\n\r\n1000000000000000b\r\n" + body + "\r\n0\r\n\r\n", 400, true},
		"chunk size negative":    {head + "Transfer-Encoding: chunked\r\n\r\n-b\r\n" + body + "\r\n0\r\n\r\n", 400, true},
		"chunk size 0x":          {head + "Transfer-Encoding: chunked\r\n\r\n0xb\r\n" + body + "\r\n0\r\n\r\n", 400, true},
		"chunk without CRLF":     {head + "Transfer-Encoding: chunked\r\n\r\nb\r\n" + body + "0\r\n\r\n", 400, true},
		"chunk longer":           {head + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + body + "\r\n0\r\n\r\n", 400, true},
		"chunk ended by LF":      {head + "Transfer-Encoding: chunked\r\n\r\nb\n" + body + "\r\n0\r\n\r\n", 400, true},
		"HTTP/0.9":               {"POST /data/north/gh\r\n" + body, 400, true},
		"HTTP/1.2":               {strings.Replace(head, "1.1", "1.2", 1) + length + "\r\n" + body, 202, false},
		"HTTP/9.9":               {strings.Replace(head, "1.1", "9.9", 1) + length + "\r\n" + body, 505, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := p.count()
			conn := dial(t, host)
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			if c.last {
				_, _ = io.WriteString(conn, hidden) // fails where the connection is closed
			}
			r := bufio.NewReader(conn)
			answer, err := http.ReadResponse(r, nil)
			if err != nil {
				if p.count() != before {
					t.Errorf("closed without an answer, and an event is stored")
				}
				return
			}
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != c.status {
				t.Errorf("got %d %s, want %d", answer.StatusCode, text, c.status)
			}
			if c.last {
				if rest, _ := io.ReadAll(r); len(rest) > 0 {
					t.Errorf("got a second answer: %.80q", rest)
				}
			}
			stored := 0
			if c.status == http.StatusAccepted {
				stored = 1
			}
			if n := p.count() - before; n != stored {
				t.Errorf("got %d events, want %d", n, stored)
			}
		})
	}
	if a := p.get(p.owner(), p.rest("/events?limit=1000")); strings.Contains(string(a.body), "smuggled") {
		t.Errorf("a second request was executed")
	}
}

// TestC8AbsoluteForm: a request target that names another host is no way around
// the check of Host on a server of this machine (RFC 9112 section 3.2.2).
func TestC8AbsoluteForm(t *testing.T) {
	s := newSite(t, setup{})
	p := s.plant("north")
	host := strings.TrimPrefix(s.url, "http://")
	body := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for target, status := range map[string]int{
		"/mcp/north": 200, "http://" + host + "/mcp/north": 200,
		"http://elsewhere.example/mcp/north": 403, "http://" + host + "@elsewhere.example/mcp/north": 403,
		"http://elsewhere.example:80/mcp/north": 403, "//elsewhere.example/mcp/north": 307, // to one slash
	} {
		conn := dial(t, host)
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			target, host, p.owner(), len(body), body)
		s.must(err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		s.must(err)
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		s.must(err)
		if answer.StatusCode != status {
			t.Errorf("%s: got %d %.200s, want %d", target, answer.StatusCode, text, status)
		}
	}
}
