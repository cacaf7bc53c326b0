// Package web holds the pages that people see: signing in, consent to an app,
// connecting an agent, and messages. It turns a typed view into HTML and the
// headers that guard it.
//
// It decides nothing: who is signed in, what a form means and where a redirect
// goes is its caller's. No page needs JavaScript, none has a style or a script
// in it, none loads anything from elsewhere, and what strangers wrote is shown
// as text, never as a link or an image.
package web
