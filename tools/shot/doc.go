// Command shot makes the pictures of the documentation: it turns what a
// terminal shows into a PNG, and it can set the whole scene by itself, with a
// server, people in headless mode and the real screen in tmux.
//
//	tmux capture-pane -e -p -N | shot -size 80x24 -o screen.png
//	shot -meet ../bin/meet -faces ../tui/termvideo/testdata -images ../docs/images
package main
