// Package store keeps everything iotman remembers: accounts, workspaces and
// their configuration, grants and tokens, and each workspace's log of events.
// All SQL of the program is here and nowhere else.
//
// The rows of a workspace are reachable only through a handle that is bound to
// it (Store.Workspace, Tx), so that no query can forget the predicate. A change
// of configuration runs in Store.Change, which raises the workspace's version
// and writes the version and audit rows in the same transaction; events go in
// through Store.Append, which acknowledges only after the commit is on disk.
//
// The engine is SQLite in WAL mode with synchronous=FULL, one writer and a pool
// of readers. The SQL keeps to what SQLite and PostgreSQL both speak.
package store
