package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is the program's version: that of the module, and the commit where
// the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v
}

func printVersion(_ context.Context, e env, args []string) error {
	_, parse := e.flags("version", "Prints the version.")
	if err := parse(args); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "iotman %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
