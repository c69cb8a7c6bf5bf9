// Files between two pages, and what strangers send.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { cleanName, Files, Pacer } from "../page/files.js";
import { SHA256 } from "../page/sha256.js";

const settled = () => new Promise((done) => setImmediate(done));

// two are two people on a line that takes 20 ms and delivers in order.
function two() {
  let now = 1000;
  const timers = [];
  const later = (f, ms) => { timers.push([now + ms, f]); };
  const make = (name) => {
    const told = [];
    const files = new Files({ nameOf: (p) => p, told: (t) => told.push(`${t.name} ${t.state} ${t.error}`.trim()), changed: () => {}, now: () => now, later });
    return { name, files, told, session: null, open: false };
  };
  const ann = make("ann"), bob = make("bob");
  for (const [me, other] of [[ann, bob], [bob, ann]]) {
    me.connect = () => {
      const session = { sendOn: (label, b) => {
        assert.equal(label, "file");
        if (me.session !== session) return false;
        const copy = new Uint8Array(b), to = other.session;
        later(() => { if (other.session === to && to) other.files.on("message", me.name, to, copy); }, 20);
        return true;
      } };
      me.session = session;
    };
    me.opened = () => me.files.on("open", other.name, me.session);
    me.cut = () => { const s = me.session; me.session = null; me.files.on("closed", other.name, s); };
  }
  const connect = () => { ann.connect(); bob.connect(); ann.opened(); bob.opened(); };
  connect();
  const run = async (ms) => {
    const end = now + ms;
    for (;;) {
      await settled();
      timers.sort((a, b) => a[0] - b[0]);
      if (!timers.length || timers[0][0] > end) break;
      const [at, f] = timers.shift();
      now = Math.max(now, at);
      f();
    }
    now = end;
  };
  return { ann, bob, run, connect, cut: () => { ann.cut(); bob.cut(); } };
}

const bytes = (n) => Uint8Array.from({ length: n }, (_, i) => (i * 7919) >> 3);
const sum = (b) => createHash("sha256").update(b).digest("hex");

test("the hash is that of everybody else", () => {
  for (const n of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const h = new SHA256(), b = bytes(n);
    h.push(b.subarray(0, n >> 1));
    h.push(b.subarray(n >> 1));
    assert.equal(h.hex(), sum(b));
  }
});

test("a file arrives, through cuts, as it was sent", async () => {
  const { ann, bob, run, connect, cut } = two();
  const b = bytes(2_000_000);
  ann.files.send(Object.assign(new Blob([b]), { name: "../notes.pdf" }), ["bob"]);
  await run(100);
  assert.deepEqual(bob.told, ["notes.pdf offered"]);
  bob.files.accept(bob.files.list[0]);
  await run(700);
  const before = bob.files.list[0].bytes;
  assert.ok(before > 0 && before < b.length, `${before} bytes came`);
  cut();
  await run(3000);
  connect();
  await run(20000);
  assert.deepEqual(bob.told, ["notes.pdf offered", "notes.pdf moving", "notes.pdf done"]);
  assert.equal(ann.told.at(-1), "notes.pdf done");
  const got = new Uint8Array(await (await fetch(bob.files.list[0].url)).arrayBuffer());
  assert.equal(sum(got), sum(b));
});

test("refused, stopped, taken back, left", async () => {
  for (const [end, annTold, bobTold] of [
    [({ bob }) => bob.files.stop(bob.files.list[0]), "bob refused it", "you refused it"],
    [({ ann }) => ann.files.stop(ann.files.list[0]), "you stopped it", "ann took it back"],
    [({ ann, bob }) => { ann.files.gone("bob"); bob.files.gone("ann"); }, "bob left", "ann left"],
  ]) {
    const room = two();
    room.ann.files.send(Object.assign(new Blob([bytes(10)]), { name: "a" }), ["bob"]);
    await room.run(100);
    end(room);
    await room.run(100);
    assert.equal(room.ann.files.list[0].error, annTold);
    assert.equal(room.bob.files.list[0].error, bobTold);
  }
});

test("what a stranger sends is bounded and belongs together", async () => {
  const { bob, run } = two();
  const say = (w) => bob.files.on("message", "ann", bob.session, new TextEncoder().encode(typeof w === "string" ? w : JSON.stringify(w)));
  const send = (id, offset, n) => {
    const b = new Uint8Array(25 + n), v = new DataView(b.buffer);
    b[0] = 1;
    v.setBigUint64(1, BigInt(id));
    v.setBigUint64(9, BigInt(offset));
    bob.files.on("message", "ann", bob.session, b);
  };
  for (const w of ["{", "{}", { file: "offer", id: 0 }, { file: "offer", id: 1, size: -1 }, { file: "offer", id: 1, size: 2 ** 51 }, { file: "end", id: 9 }, { file: "__proto__", id: 1 }]) say(w);
  send(1, 0, 10);
  assert.equal(bob.files.list.length, 0);
  say({ file: "offer", id: 1, name: "a", size: 100 });
  bob.files.accept(bob.files.list[0]);
  send(1, 0, 60);
  send(1, 0, 60); // again
  send(1, 60, 41); // more than was offered
  assert.equal(bob.files.list[0].error, "ann sent what does not belong together");
  say({ file: "offer", id: 2, name: "b", size: 10 });
  bob.files.accept(bob.files.list[1]);
  send(2, 0, 10);
  say({ file: "end", id: 2, sha256: sum(bytes(10)) });
  assert.equal(bob.files.list[1].error, "it did not arrive as it was sent");
  for (let i = 0; i < 100; i++) say({ file: "offer", id: 100 + i, name: "c", size: 1 });
  assert.equal(bob.files.list.length, 2 + 32);
  say({ file: "offer", id: 3, name: "d", size: 2 ** 40 });
  await run(10);
});

test("names", () => {
  for (const [name, want] of [["a.txt", "a.txt"], ["../../etc/passwd", "passwd"], ["C:\\x\\y.exe", "y.exe"], [".bashrc", "bashrc"], ["", "file"], ["-rf", "rf"], ["a\u202egpj.exe", "agpj.exe"]]) {
    assert.equal(cleanName(name), want);
  }
});

test("who is slower on the way is waited for", () => {
  const p = new Pacer(0);
  let now = 0, ran = 0;
  for (; now < 5000; now += 10) { // a line that keeps nothing waiting
    while (p.allow(now, 1000)) ran += 1000;
    p.acked(now, 20, 1000, true);
  }
  const free = p.rate;
  assert.ok(free > 1e5, `${free}`);
  for (; now < 6000; now += 10) p.acked(now, 120, 1000, true); // and then somebody else wants it
  assert.ok(p.rate < free / 10, `${p.rate} after ${free}`);
});
