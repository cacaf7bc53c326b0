package tools

import "iotman/store"

// cursors seals and opens the cursors of one list, with one set of filters, in
// one workspace.
type cursors struct {
	ws   *store.Workspace
	list string
}

func (c cursors) seal(position string) string        { return c.ws.Cursor(c.list, position) }
func (c cursors) open(cursor string) (string, error) { return c.ws.Position(c.list, cursor) }
