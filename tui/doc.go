// Package tui is the screen: one Bubble Tea program that draws a call and turns keys
// into what a call is told. It knows a call by the interfaces of package front.
//
// # How it is built
//
// [Model] is the only tea.Model. Its Update takes messages and changes values; it does no
// input or output, takes no lock and does not sleep. What takes a moment (reading levels,
// figures and devices) is done in a tea.Cmd, and comes back as a message with the
// generation of its tick. The parts are plain values with a Render(styles, width) of their
// own: table, badge, header, banner, chatBox, linkBox, inviteBox, deviceList, toasts. The
// value screen is what is drawn and nothing else, so that a golden file of testdata can
// hold any moment of it (TestScenes), and it draws the same twice.
//
//	view.go, layout.go   what stands where, by the size of the window
//	table.go ... toast.go  the parts
//	styles.go            every colour and every symbol, for dark, light and ASCII
//	keymap.go            the one table of keys: help, the bar, settings and dispatch
//	keys.go, input.go    what a key does
//	ticks.go             when to draw again: nothing ticks when nothing moves
//	painter.go, run.go   the terminal: at most one picture on its way
//
// Pictures are not its business: View leaves holes of [Placeholder] runes, [Model.Tiles]
// says where, and a [Stage] draws into them (tui/stage, tui/termvideo). tui/termout keeps
// text and pictures apart on their way out.
//
// # What always holds
//
//   - Whatever a stranger wrote is cleaned once more before it is drawn
//     (TestCleaning in front, FuzzWidth).
//   - No line is wider than the window, and no view higher (FuzzKeys, TestScenes).
//   - The terminal is given back however the program ends (TestProgramEnds).
//   - A key that a person sees is a key that works: help is made of the table
//     (TestKeysDoWhatHelpSays).
package tui
