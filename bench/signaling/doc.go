// Signaling measures what the signaling server costs, side by side with a
// minimal Socket.IO server on the same machine: memory of an idle member, and
// CPU time of the server for a relayed message of 600 bytes.
//
//	go run ./bench/signaling
//
// Each server runs as a process of its own, so that its memory (VmRSS) and CPU
// time (utime and stime) are read from /proc and hold nothing of the load. The
// Socket.IO server is installed with npm into a temporary directory; without npm
// only our own is measured.
//
// It needs Linux and about 12,000 file descriptors.
package main
