// When a page asks for its addresses, and what it makes of the answer.
import assert from "node:assert/strict";
import test from "node:test";
import { Suspicion } from "../page/addresses.js";
import { settle } from "./settle.js";

function bed({ mic = true, localType = "host" } = {}) {
  const session = { peer: "a", pulse: { heard: 1000 }, transport: { localType, localAddress: "10.0.0.4:5000" }, heardAt: () => 0 };
  const b = { session, asked: 0, have: new Set(["10.0.0.4"]), lost: [] };
  const mesh = { view: () => ({ peers: [{ id: "a", state: "connected", media: { mic } }] }), sessionOf: () => session };
  b.suspicion = new Suspicion(mesh, (gone) => b.lost.push([...gone]));
  b.suspicion.ask = async () => {
    b.asked++;
    return b.have;
  };
  b.look = async (from, to) => {
    for (let now = from; now <= to; now += 100) {
      b.suspicion.look(now);
      await settle();
    }
  };
  return b;
}

test("silence where sound should be has the addresses asked for, four times a second", async () => {
  const b = bed();
  await b.look(1000, 1200);
  assert.equal(b.asked, 0);
  await b.look(1300, 1300);
  assert.equal(b.asked, 1);
  await b.look(1400, 1500);
  assert.equal(b.asked, 1);
  await b.look(1600, 1600);
  assert.equal(b.asked, 2);
  assert.deepEqual(b.lost, [], "the address is still there");
  b.have = new Set(["10.0.0.5"]);
  await b.look(1900, 1900);
  assert.deepEqual(b.lost, [["a"]]);
  await b.look(2200, 4000);
  assert.deepEqual(b.lost, [["a"]], "once is enough");
  b.session.transport.localAddress = "10.0.0.5:5001";
  b.have = new Set(["10.0.0.6"]);
  await b.look(4100, 4400);
  assert.deepEqual(b.lost, [["a"], ["a"]], "of another path it is said again");
});

test("without sound that is normal for longer, and a long silence is asked about seldom", async () => {
  const b = bed({ mic: false });
  await b.look(1000, 2100);
  assert.equal(b.asked, 0);
  await b.look(2200, 2200);
  assert.equal(b.asked, 1);
  const c = bed();
  await c.look(1000, 7000);
  const during = c.asked;
  await c.look(7100, 9000);
  assert.ok(during > 10 && c.asked - during <= 1, `${during}, then ${c.asked}`);
});

test("nothing is made of addresses that are hidden, or of paths that begin elsewhere", async () => {
  const b = bed();
  b.have = new Set();
  await b.look(1000, 3000);
  assert.deepEqual(b.lost, []);
  const c = bed({ localType: "relay" });
  await c.look(1000, 3000);
  assert.equal(c.asked, 0);
});
