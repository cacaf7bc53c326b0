package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"iotman/iot"
)

// console is the mail of a server without one: it prints what would be sent to
// whoever runs the server, and nowhere else.
type console struct {
	mu sync.Mutex
	w  io.Writer
}

// Send prints a mail.
func (c *console) Send(_ context.Context, m iot.Mail) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := "  " + strings.ReplaceAll(strings.TrimSpace(m.Text), "\n", "\n  ")
	_, err := fmt.Fprintf(c.w, "\nMail to %s: %s\n\n%s\n\n", m.To, m.Subject, text)
	return err
}
