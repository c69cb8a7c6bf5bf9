//go:build !linux

package mediatcp

import "syscall"

func tune(syscall.RawConn) {}

func unsent(syscall.RawConn) int { return 0 }
