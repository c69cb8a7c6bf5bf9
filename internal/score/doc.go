// Package score judges processed speech against the clean speech it came from:
// a score between 1 and 5 after ViSQOL, and the intelligibility STOI. It is for
// tests and measurements only.
package score
