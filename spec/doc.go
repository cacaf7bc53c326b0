// Package spec makes the documents by which others know the server: the
// OpenAPI description of its HTTP interface, from the same registry that
// serves it. It declares nothing that the registry does not say.
package spec
