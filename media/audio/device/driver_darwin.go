//go:build !cgo

package device

const driver = "Core Audio, without a compiler; nobody has told us yet how that does on a real Mac"
