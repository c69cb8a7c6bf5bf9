// Who somebody is: the same bytes, words and marks as the terminal's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fromBase64url, peerID, toBase64url } from "../page/key.js";
import { Sealer } from "../page/seal.js";
import { Book, Introduction, binding, checkBinding, commitment, endText, fingerprint, keyPrint, look, pairText, personOf, wordsOf } from "../page/who.js";
import { seedKey } from "./seed.js";
import { settle } from "./settle.js";

const v = JSON.parse(readFileSync(new URL("../../rtc/testdata/who.json", import.meta.url), "utf8"));

test("the vectors of an introduction", async () => {
  const person = await seedKey(fromBase64url(v.seed)), seat = fromBase64url(v.seat);
  assert.deepEqual(await personOf(person, v.room, seat), { key: v.person, bind: v.bind });
  await checkBinding(v.room, v.person, v.seat, v.bind);
  await assert.rejects(checkBinding(`${v.room.slice(1)}A`, v.person, v.seat, v.bind));
  await assert.rejects(checkBinding(v.room, v.seat, v.person, v.bind));
  assert.equal((await binding(v.room, seat)).length, 6 + 4 + 4 + 4 + 4 + 6 + 4 + 64);
  assert.equal(await commitment(v.nonces[0]), v.commit);
  assert.equal(pairText(v.ids[1], v.incs[1], true, v.prints[0], v.prints[1], v.person, v.commit), v.pairtext);
  const end = (i) => endText(v.ids[i], v.incs[i], v.person, v.prints[i], v.nonces[i]);
  assert.equal(await wordsOf(end(0), end(1)), v.words);
  for (const [sdp, want] of Object.entries(v.sdp)) assert.equal(fingerprint(sdp), want);
  assert.match(await keyPrint(v.person), /^SHA256:[\w+/]{43}$/);
});

// pair is two ends of one connection; lie changes what goes from the first to the second.
async function pair(lie = (m) => m, prints = [["x", "y"], ["y", "x"]]) {
  const room = { id: "r".repeat(22) }, got = [null, null], ends = [];
  const seats = await Promise.all([1, 2].map((i) => seedKey(new Uint8Array(32).fill(i))));
  const ids = await Promise.all(seats.map((s) => peerID(room.id, s.open)));
  for (const i of [0, 1]) {
    const person = await seedKey(new Uint8Array(32).fill(10 + i));
    const mesh = { self: ids[i], inc: 1 + i, person: await personOf(person, room.id, seats[i].open), signal: { sealer: new Sealer(room, seats[i], ids[i], 1 + i) } };
    const peer = { id: ids[1 - i], inc: 2 - i, offers: i === 0 };
    ends.push(new Introduction(mesh, peer, (m) => ends[1 - i].heard(JSON.parse(JSON.stringify(i === 0 ? lie(m) : m))), (id) => { got[i] = id; }));
    [ends[i].ours, ends[i].theirs] = prints[i];
  }
  console.warn = () => {};
  ends[0].open();
  ends[1].open(); // the answering side does not begin
  for (let i = 0; i < 5; i++) await settle();
  return { got, people: ends.map((e) => e.mesh.person.key) };
}

test("both ends have the same words, and each other's key", async () => {
  const { got, people } = await pair();
  assert.equal(got[0].words, got[1].words);
  assert.equal(got[0].words.split(" ").length, 6);
  assert.deepEqual([got[0].key, got[1].key], [people[1], people[0]]);
  const again = await pair();
  assert.notEqual(again.got[0].words, got[0].words, "another connection has others");
});

test("who lies is nobody", async () => {
  const other = await seedKey(new Uint8Array(32).fill(77));
  for (const lie of [
    (m) => (m.t === "identity" ? { ...m, person: toBase64url(other.open) } : m), (m) => (m.t === "identity" ? { ...m, commit: "x" } : m),
    (m) => (m.t === "identity" ? { ...m, sig: m.bind } : m), (m) => (m.t === "reveal" ? { ...m, nonce: "AAAAAAAAAAAAAAAAAAAAAA" } : m),
    (m) => (m.t === "reveal" ? { t: "reveal", nonce: 5 } : m), (m) => (m.t === "identity" ? { t: "identity" } : m),
  ]) assert.equal((await pair(lie)).got[1], null);
  const { got } = await pair(undefined, [["x", "mal"], ["y", "mal"]]);
  assert.deepEqual(got, [null, null], "a connection that ends elsewhere");
});

test("whom one knows", () => {
  const kept = new Map();
  const book = new Book({ getItem: (k) => kept.get(k) ?? null, setItem: (k, s) => kept.set(k, s) });
  assert.equal(book.meet("Ann Lee", "k1").mark, "new");
  assert.deepEqual(book.meet("Ann Lee", "k1"), { mark: "known", known: "Ann Lee", other: "" });
  assert.equal(book.meet("bob", "k1").known, "Ann Lee");
  for (const name of ["Ann Lee", "ann lee", " Ann  LEE "]) assert.deepEqual(book.meet(name, "k2"), { mark: "changed", known: "Ann Lee", other: "k1" });
  book.meet("Bob", "k3");
  assert.equal(book.meet("Bob", "k1").mark, "changed");
  book.verify("Ann Lee", "k2");
  assert.equal(book.meet("Ann Lee", "k2").mark, "verified");
  assert.equal(book.meet("Ann Lee", "k1").mark, "known");
  book.verify("Ann Lee", "k1");
  assert.equal(book.meet("Ann Lee", "k1").mark, "verified");
  assert.equal(look(book.list(), "x", "y").name, "");
  assert.deepEqual(new Book({ getItem: () => "{", setItem: () => { throw new Error("full"); } }).meet("a", "b").mark, "new");
});
