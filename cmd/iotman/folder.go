package main

import (
	"path/filepath"

	"iotman/store"
)

// folderFlags are the flags of every command that opens the data folder.
type folderFlags struct {
	data, keyFile string
}

// key returns the key that seals the folder: that of IOTMAN_KEY, else that of
// the key file, which is the folder's own unless another is named.
func (f folderFlags) key(e env, create bool) (store.Key, error) {
	if text := e.getenv("IOTMAN_KEY"); text != "" {
		return store.ParseKey(text)
	}
	path := f.keyFile
	if path == "" {
		path = filepath.Join(f.data, "key")
	}
	return store.LoadKey(path, f.data, create)
}
