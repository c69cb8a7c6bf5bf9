package termvideo

// sharedMemoryDir is where POSIX shared memory objects appear as files.
const sharedMemoryDir = "/dev/shm"
