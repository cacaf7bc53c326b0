package iot

// Mail is a message to one person, in plain text.
type Mail struct {
	To      string
	Purpose string // sign_in, session_reused …: what it is for, in the list of deliveries
	Subject string
	Text    string
}
