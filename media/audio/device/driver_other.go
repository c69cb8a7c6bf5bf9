//go:build !darwin || cgo

package device

import "runtime"

// driver is how this build reaches the devices.
var driver = map[string]string{"linux": "the protocol of PulseAudio", "windows": "WASAPI", "darwin": "Core Audio, through miniaudio"}[runtime.GOOS]
