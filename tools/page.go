package tools

import (
	"encoding/json"
	"fmt"
	"reflect"

	"iotman/iot"
)

// Paging is the part of a list's input that pages it.
type Paging struct {
	Limit  Limit  `json:"limit,omitempty" jsonschema:"rows a page, default 100"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
	Note       string `json:"note,omitempty"`
}

// Listed is what every Page is: the rows, which are the whole answer over
// REST, and the cursor of the next page.
type Listed interface {
	Rows() any
	Next() string
}

// Rows returns the rows.
func (p Page[T]) Rows() any {
	if events, ok := any(p.Items).([]Event); ok {
		return eventRows(events)
	}
	return p.Items
}

// Next returns the cursor of the next page, "" on the last.
func (p Page[T]) Next() string { return p.NextCursor }

// What one answer over MCP may hold, so that it fits an agent's context.
const (
	MaxMCPRows  = 200
	MaxMCPBytes = 40_000
)

// maxPageBytes is about what one page holds at most otherwise, so that it fits
// the memory.
const maxPageBytes = 8 << 20

const (
	around = 1000 // bytes of an answer over MCP around its rows: cursor, note, the list of what is untrusted
	fences = 64   // bytes that package mcp puts around an untrusted field, in the copy for the model
)

// maxFetch is how many rows are read at once, of which each may be large: the
// page may be full before its limit.
const maxFetch = 32

const defaultLimit = 100

// rowLimit returns how many rows the caller gets at once.
func rowLimit(c iot.Caller, l Limit) int {
	n := int(l)
	if n == 0 {
		n = defaultLimit
	}
	if c.Via == iot.MCP {
		n = min(n, MaxMCPRows)
	}
	return n
}

// pager fills a page row by row until a bound is reached.
type pager[T any] struct {
	page  Page[T]
	limit int
	bytes int // what is left
	extra int // bytes of a row beside its own
	mcp   bool
	cut   string // why the page ended early
	asked int
}

func newPager[T any](c iot.Caller, l Limit) *pager[T] {
	p := &pager[T]{page: Page[T]{Items: []T{}}, limit: rowLimit(c, l), bytes: maxPageBytes, asked: int(l)}
	if c.Via == iot.MCP {
		p.mcp, p.bytes = true, MaxMCPBytes-around
		p.extra = fences * len(untrusted(reflect.TypeFor[T](), ""))
	}
	return p
}

// add appends a row; false if the page is full, and the row belongs to the
// next.
func (p *pager[T]) add(v T) (bool, error) {
	if len(p.page.Items) >= p.limit {
		if p.asked > p.limit {
			p.cut = fmt.Sprintf("a page over MCP has at most %d rows", p.limit)
		}
		return false, nil
	}
	n, err := p.size(v)
	if err != nil {
		return false, err
	}
	if p.bytes -= n + p.extra; p.bytes < 0 && len(p.page.Items) > 0 {
		p.cut = fmt.Sprintf("the page was cut at %d kB", MaxMCPBytes/1000)
		return false, nil
	}
	p.page.Items = append(p.page.Items, v)
	return true, nil
}

// size returns how many bytes a row takes in the answer; where the bound is
// wide, those of an event are guessed without writing it twice.
func (p *pager[T]) size(v T) (int, error) {
	if e, ok := any(v).(Event); ok && !p.mcp {
		return 512 + len(e.Payload) + len(e.Tags) + len(e.Meta), nil
	}
	b, err := json.Marshal(v)
	return len(b) + 1, err
}

// more marks the page as not the last: cursor leads to the next.
func (p *pager[T]) more(cursor string) {
	p.page.NextCursor = cursor
	if p.cut != "" {
		p.page.Note = p.cut + "; call again with cursor = next_cursor for the rest"
	}
}

// listPage makes a page of the rows that fetch returns: up to n of those after
// a position. position names a row.
func listPage[T any](c iot.Caller, in Paging, cur cursors, fetch func(after string, n int) ([]T, error), position func(T) string) (Page[T], error) {
	after, err := cur.open(in.Cursor)
	if err != nil {
		return Page[T]{}, err
	}
	p := newPager[T](c, in.Limit)
	for {
		n := min(p.limit+1-len(p.page.Items), maxFetch)
		found, err := fetch(after, n)
		if err != nil {
			return Page[T]{}, err
		}
		for _, v := range found {
			ok, err := p.add(v)
			if err != nil {
				return Page[T]{}, err
			}
			if !ok {
				p.more(cur.seal(after))
				return p.page, nil
			}
			after = position(v)
		}
		if len(found) < n {
			return p.page, nil
		}
	}
}
