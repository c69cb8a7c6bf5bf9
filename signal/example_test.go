package signal_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/meet-term/meet/signal"
)

// Two people meet on a server that can read neither their names nor what they say.
func Example() {
	server := httptest.NewServer(signal.NewServer(signal.ServerConfig{}))
	defer server.Close()
	secret, _ := signal.NewSecret(rand.Reader)
	room, _ := signal.Invite{Server: server.URL + "/", Name: "standup", Secret: secret}.Room()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	join := func(name string, handle func(signal.Event)) {
		key, _ := signal.NewKey(rand.Reader)
		client, err := signal.NewClient(signal.Config{
			URL: "ws" + server.URL[len("http"):] + "/ws", Room: room, Key: key, Inc: 1,
			State: signal.State{N: 1, Name: name, Media: signal.Media{Mic: true}}, Handle: handle,
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name, "has an id of its own:", room.PeerID(key.Public().(ed25519.PublicKey)) != "")
		go func() { _ = client.Run(ctx) }() // ends with ctx
	}
	in, met := make(chan bool, 1), make(chan string, 1)
	join("Ada", func(e signal.Event) {
		switch e := e.(type) {
		case signal.Welcome:
			in <- true
		case signal.PeerChanged:
			met <- e.State.Name
		}
	})
	<-in
	join("Bob", func(signal.Event) {})
	fmt.Println("Ada meets", <-met)
	// Output:
	// Ada has an id of its own: true
	// Bob has an id of its own: true
	// Ada meets Bob
}

// An invite is a link, for a browser and for the program.
func ExampleParseInvite() {
	i, err := signal.ParseInvite("https://meet.example/standup", "")
	fmt.Println(i.Name, i.Open(), err)
	fmt.Println(i.Command())
	i, _ = signal.ParseInvite("standup", "meet.example")
	fmt.Println(i.Link())
	_, err = signal.ParseInvite("https://ann@meet.example/standup", "")
	fmt.Println(errors.Is(err, signal.ErrInvite))
	// Output:
	// standup true <nil>
	// meet join https://meet.example/standup
	// https://meet.example/standup
	// true
}
