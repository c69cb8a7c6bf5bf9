// The channels of a connection besides the first, without a browser.
import assert from "node:assert/strict";
import test from "node:test";
import { Channels } from "../page/channels.js";

class Channel {
  readyState = "connecting";
  bufferedAmount = 0;
  sent = [];
  constructor(label, init = {}) { Object.assign(this, { label, ordered: init.ordered ?? true, maxRetransmits: init.maxRetransmits ?? null, maxPacketLifeTime: null }); }
  open() { this.readyState = "open"; this.onopen?.(); }
  send(b) { this.sent.push(b); this.bufferedAmount += b.length; }
  close() { this.readyState = "closed"; }
}

const connection = (offerer) => {
  const pc = { made: [], createDataChannel(label, init) { const d = new Channel(label, init); this.made.push(d); return d; } };
  const told = [];
  let strays = 0;
  const channels = new Channels(pc, offerer, { tell: (...what) => told.push(what), heard: () => {}, stray: () => { strays++; } });
  return { pc, told, channels, strays: () => strays };
};

test("the offering side opens what is on the list, and sends within bounds", () => {
  const { pc, told, channels } = connection(true);
  assert.deepEqual(pc.made.map((d) => [d.label, d.ordered, d.maxRetransmits]), [["terminal", false, 1], ["file", true, null]]);
  assert.equal(channels.send("terminal", new Uint8Array(3)), false);
  pc.made[0].open();
  assert.equal(channels.send("terminal", new Uint8Array(3)), true);
  assert.equal(channels.waiting("terminal"), 3);
  assert.equal(channels.send("terminal", new Uint8Array((64 << 10) + 1)), false);
  pc.made[0].bufferedAmount = 64 << 10;
  assert.equal(channels.send("terminal", new Uint8Array(1)), false);
  pc.made[0].onmessage({ data: new Uint8Array([1, 2]).buffer });
  pc.made[0].onmessage({ data: "text" });
  channels.close();
  assert.deepEqual(told, [["open", "terminal"], ["message", "terminal", new Uint8Array([1, 2])], ["closed", "terminal"]]);
});

test("the other side takes what is on the list, once", () => {
  const { pc, told, strays } = connection(false);
  assert.equal(pc.made.length, 0);
  const good = new Channel("terminal", { ordered: false, maxRetransmits: 1 });
  pc.ondatachannel({ channel: good });
  good.onmessage({ data: new Uint8Array([7]).buffer }); // before it is told to be open
  good.open();
  assert.deepEqual(told, [["open", "terminal"], ["message", "terminal", new Uint8Array([7])]]);
  for (const [label, init] of [["terminal", { ordered: false, maxRetransmits: 1 }], ["file", { ordered: false }], ["shell", {}], ["toString", {}]]) {
    for (let i = 0; i < 4; i++) {
      const bad = new Channel(label, init);
      pc.ondatachannel({ channel: bad });
      assert.equal(bad.readyState, "closed");
    }
  }
  assert.equal(strays(), 0);
  pc.ondatachannel({ channel: new Channel("x") });
  assert.equal(strays(), 1);
});
