// Keys and sealed bodies (docs/PROTOCOL.md, "Keys" and "Messages"): what the
// server relays and cannot read. The key never leaves WebCrypto.

import { bound, bytesOf, fromBase64url, keySize, protocol, sign, signatureSize, toBase64url, verify } from "./key.js";
import { rules } from "./rules.js";
import { line } from "./safetext.js";

export const limits = {
  body: rules.maxBody, state: rules.maxState, frame: rules.maxFrame,
  name: rules.maxName, agent: rules.maxAgent, reason: rules.maxReason,
  sdp: rules.maxSDP, candidates: rules.maxCandidates, candidate: rules.maxCandidate,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

// deriveRoom returns the id the server knows the room by, and its key.
export async function deriveRoom({ name, secret }) {
  const material = secret ? fromBase64url(secret) : encoder.encode(name);
  const salt = encoder.encode(`${protocol} ${secret ? "secret" : "open"}`);
  const base = await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveBits", "deriveKey"]);
  const hkdf = (use) => ({ name: "HKDF", hash: "SHA-256", salt, info: encoder.encode(`${use}|${name}`) });
  const id = toBase64url(new Uint8Array(await crypto.subtle.deriveBits(hkdf("room"), base, 128)));
  const key = await crypto.subtle.deriveKey(hkdf("key"), base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  return { id, key, name, open: !secret };
}

// seal encrypts plain text or bytes for an address and a purpose. The nonce is given
// in tests only.
export async function seal(room, plain, a, purpose, nonce = crypto.getRandomValues(new Uint8Array(12))) {
  const data = bytesOf(bound(room.id, a, purpose));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce, additionalData: data, tagLength: 128 }, room.key, bytesOf(plain));
  return toBase64url(bytesOf(nonce, new Uint8Array(sealed)));
}

// unseal opens what seal made for the same address and purpose, or throws.
export async function unseal(room, body, a, purpose) {
  const bytes = fromBase64url(body);
  if (bytes.length < 12 + 16) throw new Error("a sealed body is too short");
  return new Uint8Array(await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: bytes.subarray(0, 12), additionalData: bytesOf(bound(room.id, a, purpose)), tagLength: 128 },
    room.key, bytes.subarray(12)));
}

// sealSigned seals a text with the key and the signature of who says it, so that who
// has the key of the room cannot speak as another.
export async function sealSigned(room, plain, a, purpose, key, nonce) {
  return seal(room, bytesOf(key.open, await sign(key, room.id, a, purpose, plain), plain), a, purpose, nonce);
}

// unsealSigned opens what sealSigned made and checks who made it, or throws.
export async function unsealSigned(room, body, a, purpose) {
  const signed = await unseal(room, body, a, purpose), plain = signed.subarray(keySize + signatureSize);
  await verify(signed.subarray(0, keySize), signed.subarray(keySize, keySize + signatureSize), room.id, a, purpose, plain);
  return decoder.decode(plain);
}

// sigHeader is the only form the header of a message has.
export function sigHeader(a) {
  return JSON.stringify({ t: "sig", to: a.to, toinc: a.toinc, from: a.from, inc: a.inc });
}

const integer = "(0|[1-9][0-9]{0,15})";
const sigForm = new RegExp(
  `^\\{"t":"sig","to":"([\\w-]{22})","toinc":${integer},"from":"([\\w-]{22})","inc":${integer}\\}\\n`);

// parseSig reads the header of a message strictly, or returns null.
export function parseSig(frame) {
  const m = sigForm.exec(frame);
  if (!m) return null;
  const body = frame.slice(m[0].length);
  const address = { to: m[1], toinc: Number(m[2]), from: m[3], inc: Number(m[4]) };
  if (!Number.isSafeInteger(address.toinc) || !Number.isSafeInteger(address.inc)) return null;
  if (!body || body.length > limits.body) return null;
  return { address, body };
}

const kinds = {
  offer: ["n", "g"], answer: ["n", "g"], cand: ["g"], need: [], probe: ["n"], ack: ["n"], bye: [],
};
const uint32 = (v) => Number.isInteger(v) && v >= 0 && v <= 0xffffffff;

// readBody checks the plain text of a message and returns {c, k, ...}; it
// throws when it breaks a limit or is of an unknown kind.
export function readBody(plain) {
  const raw = JSON.parse(plain);
  const numbers = raw && typeof raw === "object" && Object.hasOwn(kinds, raw.k) ? kinds[raw.k] : null;
  if (!numbers || !Number.isSafeInteger(raw.c) || raw.c < 0) throw new Error("an unknown kind of message");
  const body = { c: raw.c, k: raw.k };
  for (const field of ["ep", "rep", ...numbers]) {
    body[field] = raw[field] ?? 0;
    if (!uint32(body[field])) throw new Error(`a message whose ${field} is no number`);
  }
  switch (body.k) {
    case "offer": case "answer":
      if (typeof raw.sdp !== "string" || raw.sdp.length > limits.sdp) throw new Error("a description that is none");
      body.sdp = raw.sdp;
      if (body.k === "offer") body.restart = raw.restart === true;
      break;
    case "cand":
      body.cands = raw.cands ?? [];
      body.done = raw.done === true;
      if (!Array.isArray(body.cands) || body.cands.length > limits.candidates ||
        body.cands.some((c) => typeof c !== "string" || c.length > limits.candidate)) throw new Error("candidates that are none");
      break;
    case "need":
      body.restart = raw.restart === true;
      body.gone = raw.gone === true;
      break;
    case "ack": body.silent = raw.silent === true; break;
    case "bye": body.why = line(raw.why, limits.reason); break;
  }
  return body;
}

// writeBody returns the plain text of a message: what is false or empty is
// left out.
export function writeBody(c, body) {
  const { k, ep, rep, ...rest } = body;
  const out = { c, k, ep, rep, ...rest };
  for (const [key, v] of Object.entries(out)) {
    if (v === false || v === undefined || (Array.isArray(v) && !v.length)) delete out[key];
  }
  return JSON.stringify(out);
}

// maxHand is the last place of a raised hand.
export const maxHand = 2 ** 32 - 1;

// readState cleans the plain form of a state, or throws.
export function readState(raw) {
  if (!raw || typeof raw !== "object" || !Number.isSafeInteger(raw.n) || raw.n < 0) throw new Error("a state that is none");
  const on = (k) => raw.media?.[k] === true;
  return {
    n: raw.n, name: line(raw.name, limits.name), agent: line(raw.agent ?? "", limits.agent),
    media: { mic: on("mic"), camera: on("camera"), screen: on("screen"), ...(on("recording") && { recording: true }) },
    hand: Number.isInteger(raw.hand) && raw.hand > 0 && raw.hand <= maxHand ? raw.hand : 0,
  };
}

// How far a message may be overtaken by later ones of its sender.
const windowSize = 1024;

// ReplayWindow tells fresh counters from those seen before (RFC 4303 section
// 3.4.3).
export class ReplayWindow {
  top = 0;
  #seen = new Set();

  accept(counter) {
    if (!Number.isSafeInteger(counter) || counter <= 0 || counter <= this.top - windowSize || this.#seen.has(counter)) return false;
    this.#seen.add(counter);
    if (counter > this.top) {
      this.top = counter;
      if (this.#seen.size > 2 * windowSize) {
        for (const c of this.#seen) if (c <= this.top - windowSize) this.#seen.delete(c);
      }
    }
    return true;
  }
}

const { maxHeard } = rules;

// Sealer seals and opens what one participant says in one room, whichever way
// the frames go. self is the id that key has there.
export class Sealer {
  #counter = 0;
  #heard = new Map(); // peer id -> {inc, window}, longest unheard first

  constructor(room, key, self, inc) {
    this.room = room;
    this.key = key;
    this.self = self;
    this.inc = inc;
  }

  // sealMessage returns the frame that says body to a process of a peer. Its
  // counter is drawn at once, so messages keep their order.
  async sealMessage(to, toinc, body) {
    const a = { from: this.self, inc: this.inc, to, toinc };
    const plain = writeBody(++this.#counter, body);
    return `${sigHeader(a)}\n${await sealSigned(this.room, plain, a, "sig", this.key)}`;
  }

  // openMessage opens a frame made by another's sealMessage, once.
  async openMessage(frame) {
    const sig = parseSig(frame);
    if (!sig) throw new Error("a message with a malformed header");
    const a = sig.address;
    if (a.to !== this.self || a.toinc !== this.inc || a.from === this.self) throw new Error("a message for someone else");
    const body = readBody(await unsealSigned(this.room, sig.body, a, "sig"));
    if (!this.#accept(a, body.c)) throw new Error("a message that was seen before");
    return { from: a.from, inc: a.inc, body };
  }

  #accept(a, counter) {
    let h = this.#heard.get(a.from);
    if (h && a.inc < h.inc) return false;
    if (!h || a.inc > h.inc) h = { inc: a.inc, window: new ReplayWindow() };
    this.#heard.delete(a.from);
    this.#heard.set(a.from, h);
    if (this.#heard.size > maxHeard) this.#heard.delete(this.#heard.keys().next().value);
    return h.window.accept(counter);
  }

  sealState(state) {
    return sealSigned(this.room, JSON.stringify(state), { from: this.self, inc: this.inc }, "st", this.key);
  }

  async openState(from, inc, body) {
    return readState(JSON.parse(await unsealSigned(this.room, body, { from, inc }, "st")));
  }

  // sign signs a text for everybody in the room; verify throws unless a process of a
  // participant signed it so. Both have key and signature in base64url.
  async sign(purpose, text) {
    const sig = await sign(this.key, this.room.id, { from: this.self, inc: this.inc }, purpose, text);
    return { key: toBase64url(this.key.open), sig: toBase64url(sig) };
  }

  verify(from, inc, purpose, text, { key, sig }) {
    return verify(fromBase64url(key), fromBase64url(sig), this.room.id, { from, inc }, purpose, text);
  }
}
