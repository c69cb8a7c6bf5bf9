// Package conn makes the sessions of package rtc out of pion PeerConnections.
// It is the only package that imports pion/webrtc.
//
// # What crosses the wire
//
// Every session negotiates the same description once: the m-lines microphone,
// camera and screen, in that order and all sendrecv, and one data channel.
// Toggling a source never renegotiates. Tracks are told apart by their m-line
// and never by an identifier, so that camera and screen cannot be swapped.
//
// The data channel is pre-negotiated by both sides (RFC 8832 section 1, "out
// of band"): label "meet", id 0, ordered and reliable. A browser does the same
// with
//
//	pc.createDataChannel("meet", {negotiated: true, id: 0})
//
// Codecs are Opus (payload type 111), redundant audio for it (RFC 2198, 63),
// VP8 (96) and its retransmissions (RFC 4588, 97). The offer says so; the
// payload types of somebody else's offer are followed.
//
// # Who owns what
//
// A [Dialer] and its [Outbound] live as long as the meeting; a session lives
// until [rtc.Session] Close. Each session has one goroutine that executes its
// commands in order, one per incoming track and one per RTCP source. Callbacks
// of pion only post. When Wait has returned none of them runs.
package conn
