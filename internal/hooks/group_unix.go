//go:build unix

package hooks

import (
	"os/exec"
	"syscall"
)

// group has what the command starts die with it, and keeps the keys of the call's
// terminal from it.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
