// Relay measures what the relay costs, side by side with coturn (Debian package
// coturn) on the same machine: CPU time of the server for a packet, packets per
// second, and what of them arrives.
//
//	go run ./bench/relay
//
// Each server runs as a process of its own, so that its CPU time (utime and stime
// of /proc) holds nothing of the load. Two clients send each other packets of 172
// bytes, as sound is, from relayed address to relayed address of the same server:
// each packet passes the server twice, and counts twice. Without coturn only our
// own is measured. It needs Linux.
package main
