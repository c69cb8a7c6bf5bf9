package main

// #cgo LDFLAGS: -lspeexdsp
// #include <speex/speex_echo.h>
// #include <speex/speex_preprocess.h>
import "C"

import "unsafe"

// speex is the canceller of speexdsp with its residual suppressor and its noise
// suppression behind it, as PulseAudio's echo module used it.
type speex struct {
	echo *C.SpeexEchoState
	pre  *C.SpeexPreprocessState
	mic  [block]C.spx_int16_t
	far  [block]C.spx_int16_t
	out  [block]C.spx_int16_t
}

func newSpeex() *speex {
	const tail = rate / 5
	s := &speex{echo: C.speex_echo_state_init(block, tail), pre: C.speex_preprocess_state_init(block, rate)}
	hz, on := C.int(rate), C.int(1)
	C.speex_echo_ctl(s.echo, C.SPEEX_ECHO_SET_SAMPLING_RATE, unsafe.Pointer(&hz))
	C.speex_preprocess_ctl(s.pre, C.SPEEX_PREPROCESS_SET_ECHO_STATE, unsafe.Pointer(s.echo))
	C.speex_preprocess_ctl(s.pre, C.SPEEX_PREPROCESS_SET_DENOISE, unsafe.Pointer(&on))
	return s
}

func (s *speex) process(mic, far, out []float32) {
	for i := range mic {
		s.mic[i], s.far[i] = C.spx_int16_t(toInt16(mic[i])), C.spx_int16_t(toInt16(far[i]))
	}
	C.speex_echo_cancellation(s.echo, &s.mic[0], &s.far[0], &s.out[0])
	C.speex_preprocess_run(s.pre, &s.out[0])
	for i, v := range s.out {
		out[i] = float32(v) / 32768
	}
}

func (s *speex) close() {
	C.speex_preprocess_state_destroy(s.pre)
	C.speex_echo_state_destroy(s.echo)
}
