// Keys of a participant (docs/PROTOCOL.md, "Keys" and "Signatures"): one for each
// room, which the id is made of, and which signs all that is said there.

const encoder = new TextEncoder();
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ed25519 = { name: "Ed25519" };

export const protocol = "meet.2";
export const keySize = 32, signatureSize = 64; // bytes

// toBase64url writes RFC 4648 section 5 without padding.
export function toBase64url(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; i += 8190) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(i, i + 8190))));
  }
  return parts.join("").replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// fromBase64url reads it; padding, other characters and set spare bits are an
// error.
export function fromBase64url(text) {
  const rest = text.length % 4;
  const last = alphabet.indexOf(text.at(-1) ?? "A");
  const spare = rest === 2 ? 15 : rest === 3 ? 3 : 0;
  if (!/^[\w-]*$/.test(text) || rest === 1 || (last & spare) !== 0) throw new Error("not base64url");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

// randomID draws 128 random bits, as every id of the protocol.
export function randomID() { return toBase64url(crypto.getRandomValues(new Uint8Array(16))); }

// bytesOf makes one array of texts and bytes.
export function bytesOf(...parts) {
  const all = parts.map((p) => (typeof p === "string" ? encoder.encode(p) : p));
  const out = new Uint8Array(all.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of all) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

// newKey draws a key that never leaves the browser: {secret, open}, a CryptoKey and
// the bytes of the public key (RFC 8032).
export async function newKey() {
  let pair;
  try {
    pair = await crypto.subtle.generateKey(ed25519, false, ["sign", "verify"]);
  } catch {
    throw new Error("this browser is too old to sign (it has no Ed25519)");
  }
  return { secret: pair.privateKey, open: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

// sha256 of texts and bytes.
export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytesOf(...parts)));
}

// peerID is the id that the owner of a key has in a room.
export async function peerID(room, open) {
  return toBase64url((await sha256(`${protocol} peer|${room}|`, open)).subarray(0, 16));
}

// bound is what a text of a participant is bound to: room, sender, recipient, both
// processes, and what it is for. No field can contain "|".
export function bound(room, a, purpose) {
  return `${protocol}|${room}|${a.from}|${a.inc}|${a.to ? `${a.to}|${a.toinc}` : "|"}|${purpose}`;
}

// sign signs a text, or bytes, for a purpose.
export async function sign(key, room, a, purpose, text) {
  return new Uint8Array(await crypto.subtle.sign(ed25519, key.secret, bytesOf(bound(room, a, purpose), "\n", text)));
}

// verify throws unless the text was signed by a key, and the id it is from is that
// of the key.
export async function verify(open, signature, room, a, purpose, text) {
  if (open.length !== keySize || await peerID(room, open) !== a.from) throw new Error("signed by another");
  const key = await crypto.subtle.importKey("raw", open, ed25519, false, ["verify"]);
  if (!await crypto.subtle.verify(ed25519, key, signature, bytesOf(bound(room, a, purpose), "\n", text))) {
    throw new Error("not signed by its sender");
  }
}
