// Package lan finds the server of a room on the local network, where nobody set
// one up: DNS-SD (RFC 6763) over multicast DNS (RFC 6762).
//
// A participant whose server others of the network can reach answers for the
// room under a name that only those who have the room's key can compute, and
// that is another one every day. What it answers is sealed with that key as
// well, so that the network learns neither the room nor who is in it, and so
// that only members can point others anywhere. Whatever is found is a hint all
// the same: a server is believed nothing (docs/SECURITY.md).
package lan
