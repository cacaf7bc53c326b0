// Package oauth issues and verifies access tokens: RS256 JSON Web Tokens
// (RFC 9068) that name one workspace and one audience.
//
// A token is only as good as its rows: the grant and the token are looked up
// at each use, so that revoking either, or changing the person's role, works
// at once. Tokens themselves are stored nowhere.
package oauth
