package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecondServeI7: one process serves a folder; others may open it beside.
func TestSecondServeI7(t *testing.T) {
	dir := t.TempDir()
	first := openIdle(t, Config{Dir: dir, Exclude: true})
	account(t, first)
	if _, err := Open(t.Context(), Config{Dir: dir, Key: testKey, Exclude: true}); err == nil ||
		!strings.Contains(err.Error(), "served by another process") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second holder: got error %v, want one that says who has the folder", err)
	}
	beside := openIdle(t, Config{Dir: dir})
	account(t, beside)
	if n := count(t, first, `SELECT COUNT(*) FROM accounts`); n != 2 {
		t.Errorf("got %d accounts, want both", n)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir, Key: Key{9}, Exclude: true}); err == nil {
		t.Fatal("a wrong key: got no error, want one")
	}
	openIdle(t, Config{Dir: dir, Exclude: true}) // neither a closed nor a refused holder keeps the lock
}

func TestOpenRefusesI7(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("a regular file"), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := t.TempDir()
	if err := os.WriteFile(filepath.Join(garbage, "iotman.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "iotman.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, dir, want string }{
		{"a folder that cannot be made", filepath.Join(file, "data"), "make the data folder: mkdir " + file},
		{"a file in its place", file, "make the data folder: mkdir " + file},
		{"a database that is none", garbage, "not a database"},
		{"a folder in the database's place", folder, "open " + filepath.Join(folder, "iotman.db")},
	} {
		for _, exclude := range []bool{true, false} {
			_, err := Open(t.Context(), Config{Dir: test.dir, Key: testKey, Exclude: exclude})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: got error %v, want %q in it", test.name, err, test.want)
			}
		}
	}
}

// TestOddFolders: a folder's name may hold what means something in a URL.
func TestOddFolders(t *testing.T) {
	for _, name := range []string{"a b", "what?", "100%", "a#b", "ü&_pragma=x", "a%20b"} {
		dir := filepath.Join(t.TempDir(), name)
		account(t, openIdle(t, Config{Dir: dir}))
		if _, err := os.Stat(filepath.Join(dir, "iotman.db")); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestFilesArePrivate: in a folder that others may enter, the database and the
// files beside it are the owner's alone.
func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	plant(t, openIdle(t, Config{Dir: dir}))
	files, err := filepath.Glob(filepath.Join(dir, "iotman.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got the files %v, error %v, want the database and its WAL", files, err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %o, want 600", filepath.Base(name), info.Mode().Perm())
		}
	}
}

func TestNoKey(t *testing.T) {
	if s, err := Open(t.Context(), Config{Dir: t.TempDir()}); err == nil {
		t.Errorf("opened without a key; want an error (close: %v)", s.Close())
	}
}
