// Frames of the WebSocket (docs/PROTOCOL.md, "Frames").

// encodeFrame writes a header line and, if there is one, a body.
export function encodeFrame(header, body) {
  const head = JSON.stringify(header);
  return body ? `${head}\n${body}` : head;
}

const id = (v) => typeof v === "string" && /^[\w-]{22}$/.test(v);
const count = (v) => Number.isSafeInteger(v) && v >= 0;
const member = (m) => m !== null && typeof m === "object" && id(m.peer) && count(m.inc) && typeof m.state === "string";
const members = (v) => Array.isArray(v) && v.every(member);

// What the header of each frame of the server must hold.
const shapes = {
  welcome: (h) => id(h.srv) && count(h.seq) && (h.peers === null || h.peers === undefined || members(h.peers)),
  prove: (h) => id(h.srv) && id(h.ch),
  room: (h) => count(h.seq) && members(h.peers),
  peer: (h) => count(h.seq) && id(h.peer) && count(h.inc),
  nack: (h) => id(h.to),
  leave: (h) => typeof h.act === "string",
  err: (h) => typeof h.code === "string",
  pong: () => true,
  ice: (h) => Array.isArray(h.ice),
  sig: () => true,
};

// decodeFrame reads a frame of the server as {header, body}: null for a type
// we do not know. It throws on what breaks the protocol.
export function decodeFrame(frame) {
  const cut = frame.indexOf("\n");
  const header = JSON.parse(cut < 0 ? frame : frame.slice(0, cut));
  const body = cut < 0 ? "" : frame.slice(cut + 1);
  if (header === null || typeof header !== "object" || typeof header.t !== "string") throw new Error("a frame without a type");
  if (!Object.hasOwn(shapes, header.t)) return null;
  if (cut >= 0 && !body) throw new Error("a frame with an empty body");
  if (!shapes[header.t](header)) throw new Error(`a malformed ${header.t} frame`);
  return { header, body };
}
