package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"iotman/store"
)

// folderFlags are the flags of every command that opens the data folder.
type folderFlags struct {
	data, keyFile string
}

const keyFileUsage = "`file` with the key that seals secrets (default: key in the data folder; IOTMAN_KEY may hold the key itself)"

// key returns the key that seals the folder: that of IOTMAN_KEY, else that of
// the key file, which is the folder's own unless another is named.
func (f folderFlags) key(e env, create bool) (store.Key, error) {
	if text := e.getenv("IOTMAN_KEY"); text != "" {
		if f.keyFile != "" {
			return store.Key{}, errors.New("IOTMAN_KEY holds a key and -key-file names another: give one of them")
		}
		k, err := store.ParseKey(text)
		if err != nil {
			return store.Key{}, fmt.Errorf("IOTMAN_KEY: %w", err)
		}
		return k, nil
	}
	path := f.keyFile
	if path == "" {
		path = filepath.Join(f.data, "key")
	}
	return store.LoadKey(path, f.data, create)
}
