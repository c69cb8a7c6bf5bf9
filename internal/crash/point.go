//go:build !crashtest

package crash

// Point marks a place where the tests of crashes let the program panic: built
// with the tag crashtest it panics there when the environment asks for it. In
// every other build it does nothing.
func Point(string) {}
