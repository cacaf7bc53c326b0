package oauth

import (
	"time"

	"github.com/ory/fosite"

	"iotman/iot"
	"iotman/store"
)

// session is what fosite carries from a request to the tokens it brings.
type session struct {
	workspace iot.ID
	grant     store.Grant
	fresh     bool // the grant is not a row yet
	challenge string
}

// SetExpiresAt does nothing: how long a token lives is in its row, by the
// store's clock.
func (s *session) SetExpiresAt(fosite.TokenType, time.Time) {}

// GetExpiresAt returns the zero time: the lifespan of the configuration holds.
func (s *session) GetExpiresAt(fosite.TokenType) time.Time { return time.Time{} }

func (s *session) GetUsername() string { return "" }

func (s *session) GetSubject() string { return string(s.grant.Account) }

// Clone returns a copy.
func (s *session) Clone() fosite.Session {
	c := *s
	return &c
}
