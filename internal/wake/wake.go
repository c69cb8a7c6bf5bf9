// Package wake has the token that tells a goroutine to look again: a channel of one,
// into which a token is put without waiting. However often that happens before the
// goroutine looks, it looks once.
package wake

// New returns a channel for one token.
func New() chan struct{} { return make(chan struct{}, 1) }

// Poke puts the token down, unless it lies there.
func Poke(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}
