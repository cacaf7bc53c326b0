// Package signin settles who a person is: by a link in their mail, by a password
// where an admin set one, and by the cookie of a browser that did either.
//
// It answers alike for people whom it knows and for those whom it does not, in
// the same time. What it gives out (links, codes, cookies) it keeps by digest
// alone, uses once, and bounds in number and age. It shows no page (package web)
// and decides no right.
package signin
