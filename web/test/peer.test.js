// Where the page's peer machine differs from the terminal's on purpose. All else is
// in rtc/testdata/timelines.
import assert from "node:assert/strict";
import test from "node:test";
import { Peer } from "../page/peer.js";
import { rules } from "../page/rules.js";
import { timing } from "../page/mesh.js";

// asked is what a connected side that offers does when the other knows its path to
// be gone.
function asked(by) {
  const p = new Peer(1000, "z", "a", by, { last: 0 });
  p.present(1000, 1);
  p.reach(1000, true);
  p.session(1000, 1, { on: "offer", n: 1, gen: 1, restart: false, sdp: "o" });
  p.message(1000, { k: "answer", ep: 1, rep: 1, n: 1, g: 1, sdp: "a" });
  p.session(1000, 1, { on: "connected" });
  p.take();
  p.message(5000, { k: "need", ep: 1, rep: 1, restart: true, gone: true });
  return p.take().filter((a) => a.act === "do").map((a) => [a.epoch, a.cmd.do, a.cmd.restart]);
}

test("a peer that moved gets a new connection, since a restart of a browser's takes longer", () => {
  assert.deepEqual(asked(timing), [[2, "offer", false]]);
  assert.deepEqual(asked(rules), [[1, "offer", true]], "where a restart is quick it is made");
});

test("nothing else differs but when answers are missed", () => {
  const { unanswered, replaceMoved, ...rest } = timing;
  const { unanswered: theirs, ...common } = rules;
  assert.deepEqual(rest, common);
  assert.deepEqual([unanswered, replaceMoved, theirs], [5500, true, 2500]);
});
