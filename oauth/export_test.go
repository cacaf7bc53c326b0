package oauth

import "encoding/binary"

// MaxKnown is how many verified tokens are remembered.
const MaxKnown = maxKnown

// Known returns how many verified tokens are remembered now.
func (i *Issuer) Known() int { return i.known.Len() }

// Fill remembers n tokens that nobody has, as n others' would be.
func (i *Issuer) Fill(n int) {
	for j := range n {
		var key [32]byte
		binary.BigEndian.PutUint64(key[:], uint64(j)+1)
		i.known.Add(key, known{})
	}
}

// Forget drops every verified token.
func (i *Issuer) Forget() { i.known.Purge() }
