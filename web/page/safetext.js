// Text from the network, made fit to be shown: one Unicode rule for everyone
// in the room, terminal or browser. It is set by textContent only, so this is
// about characters that hide, reorder or imitate, not about HTML.

const escapes = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g;
const space = /[\t\n\v\f\r\u0085\p{Z}]/u;
const unsafe = /[\p{C}\u034f\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\u{e0000}-\u{e0fff}\ufffc\ufffd\u{1cd00}\u{10eeee}]/u;
const mark = /\p{M}/u;
const maxMarks = 3; // on one base character

// line returns s as one line of at most max characters.
export function line(s, max) { return clean(s, max, false); }

// block is line for texts of several lines: two line feeds in a row at most.
export function block(s, max) { return clean(s, max, true); }

function clean(s, max, lines) {
  if (typeof s !== "string") return "";
  // What comes out has at most max characters, and what matters of the input
  // stands near its beginning: a megabyte is not worth reading.
  s = s.slice(0, 16 * max + 256).replace(escapes, "");
  const out = [];
  let marks = 0, gap = "";
  for (const c of s) {
    if (lines && c === "\n") {
      gap = gap.startsWith("\n") ? "\n\n" : "\n";
      continue;
    }
    if (space.test(c)) {
      if (!gap) gap = " ";
      continue;
    }
    if (unsafe.test(c)) continue;
    if (mark.test(c)) {
      if (!out.length || gap || ++marks > maxMarks) continue;
    } else {
      marks = 0;
    }
    if (out.length) out.push(...gap);
    gap = "";
    if (out.length >= max) break;
    out.push(c);
  }
  return out.slice(0, max).join("").trimEnd();
}
