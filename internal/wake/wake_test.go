package wake

import "testing"

func TestManyPokesAreOneToken(t *testing.T) {
	token := New()
	for range 3 {
		Poke(token)
	}
	<-token
	select {
	case <-token:
		t.Error("there is a second token")
	default:
	}
	Poke(token)
	<-token
}
