// Shared terminals as the page reads them: the messages of the program, and what no
// honest one sends.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { checked, css, spans } from "../page/terminals.js";
import { TerminalReceiver } from "../page/termsync.js";

const golden = JSON.parse(readFileSync(new URL("terminal.golden.json", import.meta.url)));
const textOf = (line) => line.map((c) => (c.tail ? "" : c.text || " ")).join("").trimEnd();

test("the page sees what the program sees", async () => {
  const r = new TerminalReceiver(1, 77, 5);
  for (const [i, g] of golden.entries()) {
    const whole = await r.take(i, Uint8Array.from(Buffer.from(g.message, "base64")));
    assert.equal(whole, g.whole, `message ${i}`);
    if (!whole) continue;
    assert.deepEqual(r.state.lines.map(textOf), g.lines, `message ${i}`);
    assert.deepEqual([r.state.x, r.state.y], g.cursor);
    const s = r.state.lines[0][0].style;
    assert.equal(`${s?.attr ?? 0} ${typeof s?.fg === "number" ? s.fg : 0}`, g.styled);
  }
  assert.ok(golden.length > 6, "a state in parts is among them");
});

test("what it has is said at once, then not too often, and that it looks", async () => {
  const r = new TerminalReceiver(1, 77, 5);
  assert.deepEqual([...r.poll(1000)], [2, 1, 0, 77, 5, 0, 0, 0, 0]);
  assert.equal(r.poll(1100), null);
  const first = Uint8Array.from(Buffer.from(golden[0].message, "base64"));
  await r.take(1200, first);
  assert.deepEqual([...r.poll(1210)], [2, 1, 0, 77, 5, 1, 10, 0, 0]);
  assert.equal(await r.take(1220, first), false);
  assert.equal(r.poll(1400), null);
  assert.notEqual(r.poll(3210), null);
  const later = Uint8Array.from(Buffer.from(golden[2].message, "base64")); // its base never came
  assert.equal(await r.take(3300, later), false);
  assert.equal([...r.poll(3300)][8], 1); // after 2100 ms in two bytes
});

test("nothing hostile is taken", async () => {
  const state = (...rest) => Uint8Array.from([1, 1, 0, 77, ...rest]);
  const head = [0, 10, 2, 0, 0, 0];
  for (const bad of [
    [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, ...head], [1, 0, 3, 2, 0, 0, ...head], [1, 0, 0, 0, 0, 0, ...head],
    [1, 0, 0, 1, 0, 0, 0, 10, 2, 10, 0, 0], [1, 0, 0, 1, 0, 0, ...head, 128], [1, 0, 0, 1, 0, 0, ...head, 0, 0, 1, 65],
    [1, 0, 0, 1, 0, 0, ...head, 1, 2, 0, 1, 65], [1, 0, 0, 1, 0, 0, ...head, 1, 0, 9, 2, 65, 65], [1, 0, 0, 1, 1, 0, 255, 255, 255], [1],
  ]) await assert.rejects(new TerminalReceiver(1, 77, 5).take(0, state(...bad)), `${bad}`);
  const r = new TerminalReceiver(1, 77, 5);
  await r.take(0, state(1, 0, 0, 1, 0, 0, ...head, 1, 0, 0, 4, 65, 27, 91, 66));
  assert.equal(textOf(r.state.lines[0]), "A\ufffd[B");
  assert.equal(await r.take(0, Uint8Array.from([1, 1, 0, 78, 9])), false); // another terminal
});

test("lines are drawn in runs, and lists are checked", () => {
  const style = { attr: 1, fg: 1, bg: null };
  const line = [..."ab"].map((text) => ({ text, width: 1, style: null })).concat([{ text: "日", width: 2, style }, { text: "", width: 0, style, tail: true }, { text: "", width: 0, style: null }]);
  assert.deepEqual(spans(line, 4).map((s) => [s.text, s.wide, s.cursor]), [["ab", false, false], ["日", true, false], [" ", false, true]]);
  assert.deepEqual([css(null), css(1), css(16), css(231), css(232), css("rgb(1, 2, 3)")], ["", "#cc0000", "rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgb(8, 8, 8)", "rgb(1, 2, 3)"]);
  assert.deepEqual([...checked([{ id: 1, i: 7, title: "a\u001b[31mb" }, { id: 0, i: 7 }, { id: 2 }, null, "x"]).values()].map((a) => [a.id, a.title]), [[1, "ab"]]);
  assert.equal(checked({}).size, 0);
});
