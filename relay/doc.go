// Package relay is the STUN and TURN server (RFC 8489, RFC 8656) that a meet
// server runs for the members of its rooms, on the same port number as its
// signaling.
//
// It carries what two people cannot exchange directly. What it carries is
// encrypted between them (DTLS-SRTP); the relay sees sizes and times.
//
// It is no open relay: only members of a room get credentials, an allocation
// sends to public addresses and to other allocations of the same server only,
// and members have a share of allocations and of bandwidth. The protocol itself
// is pion's (github.com/pion/turn); everything that decides who may do what is
// here: the credentials (credentials.go), the addresses (policy.go) and the
// sockets between the library and the network (socket.go).
package relay
