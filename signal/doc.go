// Package signal introduces the participants of a room to each other: it holds
// the wire protocol "meet.2" (docs/PROTOCOL.md), its client and its server.
//
// The server relays and lists, and understands as little as possible: whatever
// participants say to each other, their names included, is sealed with a key
// derived from the invite, and the server reads only one short header line of
// every frame. It holds nothing that its clients cannot rebuild after it was
// restarted.
//
// Losing the server never touches a connection between two participants.
package signal
