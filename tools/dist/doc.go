// Command dist makes everything that a release consists of, on one Linux machine
// and without asking the network: archives for every system, packages of Debian,
// Fedora and Alpine, a container image, recipes of package managers, a list of
// what is inside, and checksums. Two runs over the same commit make the same
// bytes.
//
//	go run -C tools ./dist -version v1.2.3 -out ../dist
package main
