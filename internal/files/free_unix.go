//go:build linux || darwin

package files

import "golang.org/x/sys/unix"

// free is how many bytes a folder's disk has left for us; false if nobody knows.
func free(dir string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true // the types differ between systems
}
