// Package rig runs the real meet binary for end-to-end tests: a server on a
// port of its own, people in headless mode whose JSON lines are the evidence,
// and an environment in which nothing of the user's is touched.
package rig
