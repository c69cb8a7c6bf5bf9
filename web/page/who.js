// Who somebody is: keys of people, proved on each connection (rtc/introduce.go;
// docs/PROTOCOL.md, "Persons"), and whom this browser profile knows (internal/known).

import { bytesOf, fromBase64url, protocol, sha256, toBase64url } from "./key.js";
import { wordlist } from "./wordlist.js";

const ed25519 = { name: "Ed25519" };

// field is a text or bytes with the length before it.
function field(value) {
  const bytes = bytesOf(value), n = bytes.length;
  return bytesOf(new Uint8Array([n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255]), bytes);
}

// binding is what the key of a person signs to say that the key of a seat is theirs.
export async function binding(room, seat) {
  const text = `${protocol} identity|${room}|${toBase64url(seat)}`;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", bytesOf(text)));
  return bytesOf("SSHSIG", field("meet"), field(""), field("sha512"), field(hash));
}

// personOf is who we are to those we are connected with: {key, bind}, base64url.
export async function personOf(key, room, seat) {
  const bind = await crypto.subtle.sign(ed25519, key.secret, await binding(room, seat));
  return { key: toBase64url(key.open), bind: toBase64url(new Uint8Array(bind)) };
}

// checkBinding throws unless a person signed the key of a seat.
export async function checkBinding(room, person, seat, bind) {
  const key = await crypto.subtle.importKey("raw", fromBase64url(person), ed25519, false, ["verify"]);
  if (!await crypto.subtle.verify(ed25519, key, fromBase64url(bind), await binding(room, fromBase64url(seat)))) {
    throw new Error("the person has not signed this seat");
  }
}

// fingerprint is that of a description in one form; "" if it has none, or several.
export function fingerprint(sdp) {
  const all = new Set([...sdp.matchAll(/^\s*a=fingerprint:([^\r\n]*)/gim)].map((m) => m[1].trim().toLowerCase()));
  return all.size === 1 ? [...all][0] : "";
}

// commitment binds the offering side to its nonce before it knows the other's.
export const commitment = async (nonce) => toBase64url(await sha256(`${protocol} commit|${nonce}`));

// pairText is what a seat signs for one connection.
export const pairText = (to, toinc, offers, ours, theirs, person, fresh) =>
  `${to}|${toinc}|${offers ? "offer" : "answer"}|${ours}|${theirs}|${person}|${fresh}`;

export const endText = (id, inc, person, print, nonce) => `${id}|${inc}|${person}|${print}|${nonce}`;

// wordsOf says in six words who the ends of a connection are.
export async function wordsOf(offering, answering) {
  const sum = await sha256(`${protocol} words\n${offering}\n${answering}`);
  return [...sum.subarray(0, 6)].map((b) => wordlist[b]).join(" ");
}

// keyPrint is a key as OpenSSH shows it.
export async function keyPrint(key) {
  const sum = await sha256(field("ssh-ed25519"), field(fromBase64url(key)));
  return `SHA256:${btoa(String.fromCharCode(...sum)).replace(/=+$/, "")}`;
}

const fold = (name) => name.trim().split(/\s+/).join(" ").toLowerCase();

// look says what is known of somebody who has proved to have a key and goes by a name:
// {name, verified, other}, other being somebody else of that name.
export function look(people, name, key) {
  const found = { name: "", verified: false, other: null };
  for (const p of people) {
    const same = fold(p.name) === fold(name);
    if (p.key === key) {
      if (!found.name || same) found.name = p.name;
      found.verified ||= p.verified === true;
    } else if (same) {
      found.other ??= p;
    }
  }
  if (found.name && fold(found.name) === fold(name)) found.other = null; // several keys of one person
  return found;
}

const maxPeople = 2000;

// Book is whom this browser profile knows. store has getItem and setItem.
export class Book {
  constructor(store) { this.store = store; }

  list() {
    try {
      const all = JSON.parse(this.store.getItem("meet.people") ?? "[]");
      return Array.isArray(all) ? all.filter((p) => p && typeof p.name === "string" && typeof p.key === "string") : [];
    } catch {
      return []; // storage is forbidden, or somebody else wrote there
    }
  }

  #keep(people) {
    try {
      this.store.setItem("meet.people", JSON.stringify(people.slice(-maxPeople)));
    } catch { /* not remembered then */ }
  }

  // meet says how well somebody is known, as {mark, known, other}, and remembers who
  // was never met and whose name nobody has.
  meet(name, key) {
    const people = this.list(), found = look(people, name, key);
    if (found.other) return { mark: "changed", known: found.other.name, other: found.other.key };
    if (found.name) return { mark: found.verified ? "verified" : "known", known: found.name, other: "" };
    if (fold(name)) this.#keep([...people, { name, key, verified: false }]);
    return { mark: "new", known: "", other: "" };
  }

  // verify notes that a key was compared, and whose it is.
  verify(name, key) {
    const people = this.list(), mine = people.filter((p) => p.key === key);
    for (const p of mine) p.verified = true;
    this.#keep(mine.length ? people : [...people, { name, key, verified: true }]);
  }
}

// Introduction is what both ends of one connection say of themselves to each other:
// another connection has another. mesh is {self, inc, person, signal}; peer is {id,
// inc, offers}, as the machine has them; send takes a message, done {key, words}.
export class Introduction {
  ours = "";
  theirs = "";
  #nonce = "";
  #commit = "";
  #person = "";
  #turn = Promise.resolve(); // messages are checked one after the other

  constructor(mesh, peer, send, done) {
    Object.assign(this, { mesh, peer, send, done });
  }

  #draw() { this.#nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16))); }

  // open begins, on the offering side.
  open() {
    if (!this.peer.offers || this.#nonce) return;
    this.#draw();
    this.#inTurn(async () => this.#say(await commitment(this.#nonce), ""));
  }

  #inTurn(f) { this.#turn = this.#turn.then(f).catch((err) => console.warn("somebody does not prove who they are", err)); }

  async #say(commit, nonce) {
    const { mesh, peer } = this, { key: person, bind } = mesh.person;
    const by = await mesh.signal.sealer.sign("pair", pairText(peer.id, peer.inc, peer.offers, this.ours, this.theirs, person, commit + nonce));
    const more = commit ? { commit } : { nonce };
    this.send({ t: "identity", person, bind, ...by, ...more });
  }

  // heard takes a message "identity" or "reveal".
  heard(msg) { this.#inTurn(() => (msg.t === "identity" ? this.#identity(msg) : this.#reveal(msg))); }

  async #identity({ person, bind, key, sig, commit = "", nonce = "" }) {
    const { mesh, peer } = this;
    if (![person, bind, key, sig, commit, nonce].every((v) => typeof v === "string")) return;
    if (this.#person || peer.offers !== (this.#nonce !== "") || peer.offers !== (nonce !== "") || peer.offers !== (commit === "")) return;
    if (!this.ours || !this.theirs) throw new Error("a connection without fingerprints");
    const text = pairText(mesh.self, mesh.inc, !peer.offers, this.theirs, this.ours, person, commit + nonce);
    await mesh.signal.sealer.verify(peer.id, peer.inc, "pair", text, { key, sig });
    await checkBinding(mesh.signal.sealer.room.id, person, key, bind);
    this.#person = person;
    this.#commit = commit;
    if (peer.offers) {
      this.send({ t: "reveal", nonce: this.#nonce });
      await this.#proved(this.#nonce, nonce);
      return;
    }
    this.#draw();
    await this.#say("", this.#nonce);
  }

  async #reveal({ nonce }) {
    if (this.peer.offers || !this.#person || !this.#nonce || typeof nonce !== "string") return;
    if (await commitment(nonce) !== this.#commit) throw new Error("not what was committed to");
    await this.#proved(nonce, this.#nonce);
  }

  async #proved(offering, answering) {
    const { mesh, peer } = this, o = peer.offers;
    const self = endText(mesh.self, mesh.inc, mesh.person.key, this.ours, o ? offering : answering);
    const other = endText(peer.id, peer.inc, this.#person, this.theirs, o ? answering : offering);
    this.done({ key: this.#person, words: await (o ? wordsOf(self, other) : wordsOf(other, self)) });
  }
}
