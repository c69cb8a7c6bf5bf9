#!/bin/sh
# announcer.sh ROOM: a participant who says in the chat who comes and goes.
# Needs meet and jq. See docs/HEADLESS.md for the events and the commands.
set -eu
room=${1:?which room?}
pipe=$(mktemp -u)
mkfifo -m 600 "$pipe"
trap 'rm -f "$pipe"' EXIT

meet join "$room" --headless --name announcer --mic none --camera none --speaker none <"$pipe" |
	jq --unbuffered -c '
		if .event == "peer-joined" then {command: "chat", text: (.name + " is here")}
		elif .event == "peer-left" then {command: "chat", text: (.name + " has left")}
		else empty end' >"$pipe"
