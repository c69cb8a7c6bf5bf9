// Package screen tests what people see and press: the real meet binary in
// tmux and on a pseudo terminal with an emulator behind it, beside others in
// headless mode, through pipes in plain mode, and with input nobody means
// well by. The tests run with MEET_E2E=1 and say why when they do not; those
// that measure need MEET_BENCH=1 too and print rows for docs/PERFORMANCE.md.
package screen
