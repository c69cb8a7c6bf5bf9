// Texts of strangers are the same for everyone in the room.
import assert from "node:assert/strict";
import test from "node:test";
import { ChatLog } from "../page/chat.js";
import { peerID } from "../page/key.js";
import { block, line } from "../page/safetext.js";
import { Sealer } from "../page/seal.js";
import { badge, banner, brief, clock, toast } from "../page/words.js";
import { seedKey } from "./seed.js";

const cases = [
  ["plain", "Ada", "Ada"], ["spaces", "  Ada \t\n Lovelace ", "Ada Lovelace"], ["colour", "\x1b[31mred\x1b[0m", "red"],
  ["title", "\x1b]0;title\x07x", "x"], ["an unfinished string does not swallow", "\x1b]0;title", "0;title"],
  ["bidi", "a\u202eb\u2066c", "abc"], ["zero width", "a\u200bb\ufeffc", "abc"], ["controls", "a\x00\x07\x85b", "a b"],
  ["private use and unassigned", "a\ue000\u{e0041}\u0378b", "ab"], ["marks", `z${"\u0301".repeat(9)}`, `z${"\u0301".repeat(3)}`],
  ["a mark without a base", "\u0301x", "x"], ["fillers", "\u3164\u115f\u2800", ""], ["emoji", "🦊", "🦊"], ["lone surrogate", "a\ud800b", "ab"],
  ["markup is text", "<b>x</b>", "<b>x</b>"], ["long", "x".repeat(100), "x".repeat(64)], ["not a text", 5, ""],
];
for (const [name, from, to] of cases) test(`line: ${name}`, () => assert.equal(line(from, 64), to));

test("block keeps lines", () => assert.equal(block(" a\n\n\n\nb \n c\r\n", 100), "a\n\nb\nc"));

const room = { id: "r".repeat(22) };
async function author(seed) {
  const key = await seedKey(new Uint8Array(32).fill(seed));
  return new Sealer(room, key, await peerID(room.id, key.open), 7);
}

test("chat is shown once, and only as what its author signed", async () => {
  const me = await author(1), x = await author(2), y = await author(3);
  const log = new ChatLog(me, 7), theirs = new ChatLog(x, 7);
  const own = await log.write("Me", "hi", 5);
  assert.equal(own.id, `${me.self}/7/1`);
  assert.equal(await log.write("Me", " \u200b ", 5), null);
  const said = await theirs.write("Ex", "hello", 9);
  const forged = [{ text: "x" }, { name: "x" }, { at: 10 }, { id: `${x.self}/7/2` }, { id: `${x.self}/8/1` }, { id: `${x.self}/7/01` },
    { sig: own.sig }, { key: own.key }, { key: own.key, sig: own.sig }, { sig: "!" }, { id: 5 }, { id: "a".repeat(129) }, { text: "" }].map((more) => ({ ...said, ...more }));
  for (const bad of [null, 5, "x", [null], [{}], forged]) assert.deepEqual(await log.hear({ id: x.self, name: "X" }, false, bad), []);
  assert.deepEqual(await log.hear({ id: y.self, name: "Y" }, true, [said]), [], "live, and of another");
  assert.deepEqual(await log.hear({ id: x.self, name: "X" }, true, [said]), [{ id: said.id, from: x.self, name: "X", text: "hello", at: 9 }]);
  assert.deepEqual(await log.hear({ id: y.self, name: "Y" }, false, [said, own]), [], "heard before, and our own");
  const third = new ChatLog(y, 7);
  assert.deepEqual((await third.hear({ id: me.self, name: "Me" }, false, log.share())).map((l) => [l.from, l.name, l.text]),
    [[me.self, "Me", "hi"], [x.self, "Ex", "hello"]], "what one heard convinces the next");
  for (let i = 0; i < 300; i++) await log.write("Me", `line ${i}`, i);
  assert.equal(log.lines.length, 200);
  assert.equal(log.share().length, 50);
  assert.equal(log.share().at(-1).text, "line 299");
  for (let i = 0; i < 50; i++) await log.write("Me", "x".repeat(4000), i);
  assert.ok(JSON.stringify(log.share()).length < 40000);
});

test("history has its moment", () => {
  const log = new ChatLog(null, 1);
  assert.ok(!log.admits("a", 0));
  log.opened("a", 1000);
  assert.ok(!log.admits("b", 1000));
  assert.ok(log.admits("a", 11000));
  assert.ok(!log.admits("a", 1000));
  log.opened("a", 1000);
  assert.ok(!log.admits("a", 11001));
});

const peer = (name, state, repair = {}, more = {}) => ({ name, state, oneWay: false, away: false, repair: { attempt: 0, of: 3, nextAt: 0, waiting: false, ...repair }, ...more });

test("badges say what the terminal says", () => {
  const text = (p, up = true) => badge(p, up).text;
  assert.equal(text(peer("a", "connecting")), "Connecting...");
  assert.equal(text(peer("a", "disconnected")), "Reconnecting...");
  assert.equal(text(peer("a", "disconnected", { attempt: 2 })), "Reconnecting... 2/3");
  assert.equal(text(peer("a", "disconnected", { waiting: true }), false), "Reconnecting... wait");
  assert.equal(text(peer("a", "disconnected", { waiting: true }, { away: true })), "Reconnecting... away");
  assert.equal(text(peer("a", "failed")), "Failed");
  assert.equal(text(peer("a", "connected", {}, { oneWay: true })), "not hearing you");
});

test("the banner: the server wins over the peers", () => {
  const view = (server, peers) => ({
    now: 1000, server: { state: "connected", attempt: 0, retryAt: 0, lost: false, ...server }, peers,
    connected: peers.filter((p) => p.state === "connected").length, reconnecting: peers.filter((p) => p.state === "disconnected").length,
  });
  const two = [peer("bob", "connected"), peer("carol", "disconnected", { attempt: 2, nextAt: 3000 }), peer("dave", "disconnected", { waiting: true })];
  assert.equal(banner(view({}, [peer("bob", "connected")])), "");
  assert.equal(banner(view({}, two)), "Reconnecting to 2 peers... carol (2 of 3, in 2 s), dave (waiting)");
  assert.equal(banner(view({}, two.slice(0, 2))), "Reconnecting to 1 peer... carol (2 of 3, in 2 s)");
  assert.equal(banner(view({ state: "reconnecting", lost: true, attempt: 2, retryAt: 5000 }, two)), "Reconnecting to server... media 1/3, attempt 2 in 4 s");
  assert.equal(banner(view({ state: "connecting", attempt: 1 }, [])), "Connecting to server..., attempt 1");
});

test("toasts", () => {
  const text = (e) => toast(e)?.text ?? null;
  assert.equal(text({ event: "reconnected", name: "bob", attempts: 1, outage: 1240 }), "Reconnected to bob (1 attempt, 1.2 s)");
  assert.equal(text({ event: "reconnected", name: "bob", attempts: 0, outage: 12000 }), "Reconnected to bob (by itself, 12 s)");
  assert.equal(text({ event: "reconnect-failed", name: "bob", attempts: 3 }), "Failed to reconnect to bob after 3 attempts");
  assert.equal(text({ event: "server-state-changed", state: "connected", previous: "reconnecting" }), "Reconnected to server");
  assert.equal(text({ event: "server-state-changed", state: "connected", previous: "connecting" }), null, "never on the first connect");
  assert.equal(text({ event: "peer-left", name: "bob", crashed: true }), "bob lost connection");
  assert.equal(text({ event: "peer-connected", name: "bob" }), null);
});

test("durations", () => {
  assert.deepEqual([340, 1240, 12400, 125000].map(brief), ["340 ms", "1.2 s", "12 s", "2 min 5 s"]);
  assert.equal(clock(754000), "00:12:34");
});
