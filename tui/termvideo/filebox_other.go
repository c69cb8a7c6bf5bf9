//go:build !linux

package termvideo

// sharedMemoryDir is empty where shared memory objects are no files: pictures
// go through temporary files there.
const sharedMemoryDir = ""
