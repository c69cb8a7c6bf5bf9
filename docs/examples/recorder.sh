#!/bin/sh
# recorder.sh ROOM [FOLDER]: a participant who records the call, and leaves once everybody
# else has. Everybody sees that it records. Needs meet and jq.
set -eu
room=${1:?which room?}
folder=${2:-.}
pipe=$(mktemp -u)
mkfifo -m 600 "$pipe"
trap 'rm -f "$pipe"' EXIT

# A roster comes whenever people come or go: the first with others begins it, the next
# without any ends it.
meet join "$room" --headless --name recorder --mic none --camera none --speaker none --record "$folder" <"$pipe" |
	jq --unbuffered -cn '
		foreach (inputs | select(.event == "roster") | .participants | map(select(.presence == "present")) | length) as $n
			({met: false}; {met: (.met or $n > 1), over: (.met and $n == 1)};
			select(.over) | {command: "leave"})' >"$pipe"
