// Package venue is where a room without a server of its own takes place: on a
// server that one of its participants hosts. It finds that server, on this
// machine or on the local network; hosts one where there is none; takes over
// when whoever hosted it is gone; and brings rooms of the same name together
// when two people began at the same moment.
//
// Nothing is open to anybody who was not chosen: see [Reach].
package venue
