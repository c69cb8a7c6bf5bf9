module github.com/meet-term/meet/bench/voice

go 1.26.0

require (
	github.com/livekit/livekit-cli/v2 v2.16.6
	github.com/meet-term/meet v0.0.0
)

require github.com/thesyncim/gopus v0.1.1 // indirect

replace github.com/meet-term/meet => ../..
