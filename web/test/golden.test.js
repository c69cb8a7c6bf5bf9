// The page reads and writes what every other implementation does: the test
// vectors of docs/PROTOCOL.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { parseInvite, link, socketURL } from "../page/invite.js";
import { bound, bytesOf, fromBase64url, peerID, sign, toBase64url } from "../page/key.js";
import * as seal from "../page/seal.js";
import { decodeFrame, encodeFrame } from "../page/wire.js";
import { seedKey } from "./seed.js";

const golden = (name) => JSON.parse(readFileSync(new URL(`../../signal/testdata/golden/${name}.json`, import.meta.url), "utf8"));

for (const r of golden("keys").rooms) {
  test(`keys of ${r.link}`, async () => {
    const invite = parseInvite(r.link);
    assert.equal(invite.name, r.name);
    assert.equal(invite.secret, r.secret);
    assert.equal(link(invite), r.link);
    assert.match(socketURL(invite), /^wss?:\/\/[^#]*\/ws$/);
    const room = await seal.deriveRoom(invite);
    assert.equal(room.id, r.id);
    assert.equal(room.open, r.secret === "");
    const from = await seedKey(fromBase64url(r.key)), other = await seedKey(fromBase64url(r.other));
    assert.equal(await peerID(room.id, from.open), r.state.from);
    assert.equal(await peerID(room.id, other.open), r.signal.to);
    for (const [v, purpose] of [[r.state, "st"], [r.signal, "sig"]]) {
      const address = { from: v.from, inc: v.inc, to: v.to, toinc: v.toinc };
      assert.equal(bound(room.id, address, purpose), v.aad);
      assert.equal(await seal.unsealSigned(room, v.sealed, address, purpose), v.plain);
      assert.equal(await seal.sealSigned(room, v.plain, address, purpose, from, fromBase64url(v.nonce)), v.sealed);
      // What is bound to one address and purpose opens for no other.
      for (const wrong of [{ ...address, inc: address.inc + 1 }, { ...address, from: "AAAAAAAAAAAAAAAAAAAAAA" }, { ...address, to: "AAAAAAAAAAAAAAAAAAAAAA", toinc: 1 }]) {
        await assert.rejects(seal.unseal(room, v.sealed, wrong, purpose));
      }
      await assert.rejects(seal.unseal(room, v.sealed, address, "chat"));
      const flipped = (v.sealed[0] === "A" ? "B" : "A") + v.sealed.slice(1);
      await assert.rejects(seal.unseal(room, flipped, address, purpose));
      // Who has the key of the room cannot speak as another.
      await assert.rejects(seal.unsealSigned(room, await seal.sealSigned(room, v.plain, address, purpose, other), address, purpose), /signed by another/);
      await assert.rejects(seal.unsealSigned(room, await seal.seal(room, v.plain, address, purpose), address, purpose));
      const text = bytesOf(from.open, await sign(other, room.id, address, purpose, v.plain), v.plain);
      await assert.rejects(seal.unsealSigned(room, await seal.seal(room, text, address, purpose), address, purpose), /not signed/);
    }
    const own = new seal.Sealer(room, from, r.state.from, r.state.inc);
    const hello = await own.sign("hello", `${r.hello.resume}|${r.hello.try}`);
    assert.deepEqual([hello.key, hello.sig], [r.hello.key, r.hello.sig]);
    assert.equal((await own.sign("proof", `${r.prove.srv}|${r.prove.ch}`)).sig, r.proof.sig);
    const to = new seal.Sealer(room, other, r.signal.to, r.signal.toinc);
    const opened = await to.openMessage(r.signal.frame);
    assert.equal(opened.from, r.signal.from);
    assert.equal(opened.inc, r.signal.inc);
    assert.equal(opened.body.k, "offer");
    await assert.rejects(to.openMessage(r.signal.frame), /seen before/);
    assert.equal((await to.openState(r.state.from, r.state.inc, r.state.sealed)).n, 2);
  });
}

for (const raw of golden("bodies").bodies) {
  test(`body ${raw.k} ${raw.c}`, () => {
    const read = seal.readBody(JSON.stringify(raw));
    for (const [key, v] of Object.entries(raw)) assert.deepEqual(read[key], v, key);
    const { c, ...body } = read;
    assert.deepEqual(JSON.parse(seal.writeBody(c, body)), raw);
  });
}

const frames = golden("frames");
for (const f of frames.client) {
  test(`client frame ${f.wire.slice(0, 60)}`, () => {
    assert.equal(encodeFrame(f.header, f.body), f.wire);
    if (f.header.t === "sig") assert.equal(`${seal.sigHeader(f.header)}\n${f.body}`, f.wire);
  });
}
for (const f of frames.server) {
  test(`server frame ${f.wire.slice(0, 60)}`, () => {
    const { header, body } = decodeFrame(f.wire);
    assert.deepEqual(header, f.header);
    assert.equal(body, f.body ?? "");
  });
}

test("frames that are none", () => {
  for (const bad of ["", "null", "[]", "{}", '{"t":1}', '{"t":"peer"}', '{"t":"welcome","srv":"x","seq":1}', '{"t":"pong"}\n',
    '{"t":"room","seq":1,"peers":[null]}', '{"t":"room","seq":-1,"peers":[]}']) {
    assert.throws(() => decodeFrame(bad), bad);
  }
  assert.equal(decodeFrame('{"t":"from-a-later-version","x":1}'), null);
  assert.equal(decodeFrame('{"t":"toString"}'), null);
});

test("sig headers have one form", () => {
  const good = `${seal.sigHeader({ to: "b".repeat(22), toinc: 1, from: "a".repeat(22), inc: 2 })}\nAAAA`;
  assert.ok(seal.parseSig(good));
  for (const bad of [good.replace(",", ", "), good.replace('"inc":2', '"inc":02'), good.replace('"inc":2', '"inc":2,"x":1'),
    good.replace("\nAAAA", "\n"), good.replace('"toinc":1', '"toinc":9007199254740992'), ` ${good}`]) {
    assert.equal(seal.parseSig(bad), null, bad);
  }
});

test("base64url is strict", () => {
  assert.deepEqual([...fromBase64url("AQID")], [1, 2, 3]);
  for (const bad of ["A", "AQ==", "AQ+/", "AR", "AQJ", "A Q"]) assert.throws(() => fromBase64url(bad), bad);
  const all = Uint8Array.from({ length: 70001 }, (_, i) => (i * 7) % 256);
  assert.deepEqual(fromBase64url(toBase64url(all)), all);
});

test("bodies over a limit are refused", () => {
  const base = { c: 1, ep: 1, rep: 1 };
  for (const bad of [
    { ...base, k: "offer", n: 1, g: 1, sdp: "x".repeat(32769) }, { ...base, k: "offer", n: 1, g: 1 },
    { ...base, k: "offer", n: -1, g: 1, sdp: "" }, { ...base, k: "cand", g: 1, cands: Array(65).fill("x") },
    { ...base, k: "cand", g: 1, cands: ["x".repeat(513)] }, { ...base, k: "cand", g: 1, cands: "x" },
    { ...base, k: "toString" }, { ...base, k: "need", ep: 2 ** 32 }, { ...base, k: "need", c: 0.5 }, null, 1, [],
  ]) assert.throws(() => seal.readBody(JSON.stringify(bad)), JSON.stringify(bad)?.slice(0, 60));
});

test("replay window", () => {
  const w = new seal.ReplayWindow();
  assert.ok(w.accept(1));
  assert.ok(!w.accept(1));
  assert.ok(!w.accept(0));
  assert.ok(w.accept(961));
  assert.ok(w.accept(2), "960 behind the largest is still fresh");
  for (let c = 2000; c < 20000; c++) assert.ok(w.accept(c));
  assert.ok(!w.accept(5000));
  assert.ok(!w.accept(100));
});

test("invites", () => {
  assert.deepEqual(parseInvite("https://h.example/meet/#Team.AQIDBAUGBwgJCgsMDQ4PEA"), { name: "team", secret: "AQIDBAUGBwgJCgsMDQ4PEA", base: "https://h.example/meet/", authority: "" });
  assert.deepEqual(parseInvite("http://localhost:7077/demo"), { name: "demo", secret: "", base: "http://localhost:7077/", authority: "" });
  for (const whole of [`https://h/#demo.AQIDBAUGBwgJCgsMDQ4PEA.${"A".repeat(43)}`, `https://h/#demo..${"A".repeat(43)}`]) {
    assert.equal(link(parseInvite(whole)), whole, "what programs need goes on to the next");
  }
  assert.equal(parseInvite("http://localhost:7077/").name, "");
  for (const bad of ["https://h/a#b", "https://h/#a.", "https://h/#a..", "https://h/#a.short", "https://h/#a.AAAAAAAAAAAAAAAAAAAAAA", "https://h/#a!", "https://h/demo.AQIDBAUGBwgJCgsMDQ4PEA"]) {
    assert.throws(() => parseInvite(bad), bad);
  }
});
