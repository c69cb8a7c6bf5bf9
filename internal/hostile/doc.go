// Package hostile attacks meet with those that nobody should have to trust: a server
// that lies, and members of a room who do. Its tests are what docs/SECURITY.md points
// at, claim by claim. They run in virtual time, on a network in memory, with the real
// client, mesh and media on the side of the victims.
package hostile
