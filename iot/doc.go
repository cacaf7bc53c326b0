// Package iot holds the nouns of iotman and their rules: workspaces, accounts,
// roles, permissions, callers, sources, events and errors.
//
// It knows nothing of storage, transports or third-party libraries, does no
// I/O and reads no clock: what is here can be understood, and tested, alone.
package iot
