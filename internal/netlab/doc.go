// Package netlab builds small real networks out of Linux network namespaces
// for end-to-end tests: hosts on a switch, a second network to roam to, NAT
// routers, and ways to break each of them while programs run inside.
//
// Everything lives in namespaces of its own. The machine's interfaces,
// routes and firewall are neither used nor touched, so the programs under
// test can reach each other and nothing else.
//
// The layout of a [Lab], where every box is a namespace:
//
//	host a  eth0 ---.                      .--- eth0  host b
//	        eth1 -. |   switch (router)    | .- eth1
//	              | '-- lan    10.71.0.1 --' |
//	              '---- mobile 10.72.0.1 ----'
//	host c  eth0 ---- NAT router ---- lan
//
// eth0 is up from the start; eth1 is there but down until
// [Host.MoveToInterface]. Each host has a default route, so that a lost
// network gives the same errors as on a real machine. There is no IPv6 in a
// lab: its duplicate address detection would add a second to every change.
//
// It drives the commands ip (iproute2) and nft (nftables) and needs root.
// [New] skips the test, and says why, where these are missing. Methods that
// change a network fail the test when the change fails, and return the
// instant just before it began: times counted from there include the few
// milliseconds of the command itself.
package netlab
