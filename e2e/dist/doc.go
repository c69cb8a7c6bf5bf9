// Package dist tests what a release consists of: that it is made twice with the same
// bytes, and that each part of it works where it is meant to.
package dist
