#!/bin/sh
# clock.sh ROOM [SECONDS]: a participant who says in the chat what time it is, each
# minute or as often as asked, until somebody says "clock, stop". Needs meet and jq.
set -eu
room=${1:?which room?}
every=${2:-60}
pipe=$(mktemp -u)
mkfifo -m 600 "$pipe"
trap 'rm -f "$pipe"; kill "$clock" 2>/dev/null' EXIT

exec 3<>"$pipe" # nobody who writes to it waits for a reader, or ends it
while sleep "$every"; do
	printf '{"command":"chat","text":"it is %s"}\n' "$(date +%H:%M)" >&3
done &
clock=$!
meet join "$room" --headless --name clock --mic none --camera none --speaker none <&3 |
	jq --unbuffered -c 'select(.event == "chat" and .text == "clock, stop") | {command: "leave"}' >&3
