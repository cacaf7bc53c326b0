// Package oauth is the authorization server: OAuth 2.1 on ory/fosite, and the
// access tokens it gives out, RS256 JSON Web Tokens (RFC 9068) that name one
// workspace and one audience.
//
// fosite validates requests and runs the grants. What it lacks is here:
// resources (RFC 8707), iss in every answer (RFC 9207), registration (RFC 7591,
// RFC 7592), client ID metadata documents, loopback redirects at any port, a
// grace for refresh tokens that are used twice at once, and storage in which one
// answer is one transaction.
//
// A token is only as good as its rows: the grant and the token are looked up at
// each use, so that revoking either, or changing the person's role, works at
// once. Codes and tokens themselves are stored nowhere. Who a person is, and
// what they answer, is settled before (package web).
package oauth
