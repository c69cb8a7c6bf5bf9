// Files between two people over a channel of their own (docs/PROTOCOL.md, "Files"), as
// package internal/files of the terminal does it: offered, accepted, sent as fast as the
// path carries it without keeping sound waiting, gone on with after a cut, compared by
// SHA-256. What is received is kept in memory until it is saved.

import { line } from "./safetext.js";
import { SHA256 } from "./sha256.js";

const head = 25; // type, id, offset, stamp
const chunkMax = 32 << 10;
const inFlight = 192 << 10;
const maxSize = 2 ** 50;
const maxKeep = 512 * 2 ** 20; // of one file that comes, in memory
const maxOffers = 32;
const maxEnded = 50;
const [data, ack] = [1, 2];

// The pacing of internal/files/pacer.go, in milliseconds and bytes.
const target = 20, startRate = 24 << 10, leastRate = 8 << 10, round = 50, baseFor = 15000, silent = 1000;

export class Pacer {
  rate = startRate;
  #fast = true;
  #has = 0;
  #base = 0; #next = 0; #baseAt; #rtt = 0;
  #roundAt; #queue = -1; #bytes = 0; #held = false;
  #filled; #heard; #out = false;

  constructor(now) { this.#filled = this.#roundAt = this.#baseAt = this.#heard = now; }

  chunk() { return Math.floor(Math.min(Math.max(this.rate * 0.004, 1100), chunkMax)); }

  allow(now, n) {
    // Timers of a page that is not in front come seldom.
    this.#has = Math.min(this.#has + this.rate * Math.max(now - this.#filled, 0) / 1000, Math.max(this.rate * 0.02, 2 * n));
    this.#filled = now;
    if (this.#has < n) {
      this.#held = true;
      return false;
    }
    this.#has -= n;
    if (!this.#out) [this.#out, this.#heard] = [true, now];
    return true;
  }

  acked(now, rtt, n, rest) {
    [this.#heard, this.#out, this.#rtt] = [now, rest, rtt];
    if (now - this.#baseAt >= baseFor) [this.#base, this.#next, this.#baseAt] = [this.#next, 0, now];
    if (!this.#base || rtt < this.#base) this.#base = rtt;
    if (!this.#next || rtt < this.#next) this.#next = rtt;
    const queue = rtt - this.#base;
    if (this.#queue < 0 || queue < this.#queue) this.#queue = queue;
    this.#bytes += n;
    const took = now - this.#roundAt;
    const tooMuch = queue > (this.#fast ? target / 2 : 2 * target) && took > this.#base;
    if (took < Math.max(round, rtt) && !tooMuch) return;
    const carried = this.#bytes / took * 1000;
    if (tooMuch || this.#queue > target) {
      this.#fast = false;
      this.rate = Math.max(Math.min(this.rate, carried) * 0.8, leastRate);
      this.#has = -Math.min(queue, silent) / 1000 * this.rate;
    } else if (this.#held) {
      this.rate *= this.#fast ? 1.6 : 1 + 0.15 * (target - this.#queue) / target;
    }
    this.rate = Math.min(this.rate, 2 ** 30);
    [this.#roundAt, this.#bytes, this.#queue, this.#held] = [now, 0, -1, false];
  }

  quiet(now) {
    if (this.#out && now - this.#heard >= Math.max(silent, 4 * this.#rtt)) {
      [this.rate, this.#fast, this.#heard] = [Math.max(this.rate / 2, leastRate), false, now];
    }
  }
}

// cleanName is the name of a file without folders and what hides or runs something.
export function cleanName(name) {
  const last = line(String(name), 200).split(/[/\\]/).pop().replace(/[<>:"|?*]/g, "_").replace(/^[-~. ]+|[. ]+$/g, "");
  return last || "file";
}

function packet(kind, id, offset, stamp, bytes = new Uint8Array()) {
  const b = new Uint8Array(head + bytes.length), view = new DataView(b.buffer);
  b[0] = kind;
  view.setBigUint64(1, BigInt(id));
  view.setBigUint64(9, BigInt(offset));
  view.setBigUint64(17, BigInt(stamp));
  b.set(bytes, head);
  return b;
}

const ended = (t) => t.state === "done" || t.state === "failed";

export class Files {
  list = []; // of transfers, oldest first
  #lanes = new Map(); // peer -> {session, pace, timer, pumping}
  #n = 0;

  // nameOf(peer) is what people call a peer; told(transfer) hears of each change of state;
  // changed() of every progress; now() is a clock in milliseconds; later(f, ms) a timer.
  constructor({ nameOf, told, changed, now = () => performance.now(), later = (f, ms) => setTimeout(f, ms) }) {
    Object.assign(this, { nameOf, told, changed, now, later });
  }

  // on takes what happens on the channel: a user as Call.use has it.
  on(what, peer, session, bytes) {
    const lane = this.#lanes.get(peer);
    if (what === "open") {
      const rate = lane?.pace.rate ?? 2 * startRate;
      const pace = new Pacer(this.now());
      pace.rate = Math.max(Math.min(rate, 2 ** 20) / 2, leastRate);
      this.#lanes.set(peer, { session, pace });
      for (const t of this.list.filter((t) => t.peer === peer && t.mine && !ended(t))) {
        t.going = t.all = false;
        this.#offer(t);
      }
    } else if (what === "closed") {
      if (lane?.session === session) this.#lanes.delete(peer);
    } else if (lane?.session === session) {
      this.#message(peer, bytes);
    }
  }

  gone(peer) {
    this.#lanes.delete(peer);
    for (const t of this.list) if (t.peer === peer && !ended(t)) this.#fail(t, `${t.who} left`);
  }

  // send offers a File to peers.
  send(file, peers) {
    for (const peer of peers) {
      const id = Number(crypto.getRandomValues(new BigUint64Array(1))[0] >> 11n) || 1;
      const t = this.#add({ wire: id, peer, mine: true, name: cleanName(file.name), size: file.size, file, sent: 0, hash: new SHA256(), hashed: 0 });
      this.#offer(t);
    }
  }

  accept(t) {
    if (t.mine || t.state !== "offered") return;
    if (t.size > maxKeep) {
      this.stop(t, "it is too large for a browser; a terminal takes it");
      return;
    }
    Object.assign(t, { state: "moving", parts: [], hash: new SHA256(), acked: 0, ackedAt: 0 });
    this.#say(t, { file: "accept" });
    this.told(t);
  }

  // stop refuses a file, takes back one of ours, or ends one that is under way.
  stop(t, why = "") {
    if (ended(t)) return;
    this.#say(t, { file: t.mine ? "withdraw" : "stop", ...(why && { why }) });
    this.#fail(t, why || (t.state === "offered" && !t.mine ? "you refused it" : "you stopped it"));
  }

  #add(t) {
    Object.assign(t, { id: ++this.#n, who: this.nameOf(t.peer), bytes: 0, state: "offered", error: "" });
    this.list.push(t);
    while (this.list.filter(ended).length > maxEnded) {
      const old = this.list.splice(this.list.findIndex(ended), 1)[0];
      if (old.url) URL.revokeObjectURL(old.url);
    }
    this.told(t);
    return t;
  }

  #say(t, words) {
    const b = new TextEncoder().encode(JSON.stringify({ ...words, id: t.wire }));
    return this.#lanes.get(t.peer)?.session.sendOn("file", b) ?? false;
  }

  #offer(t) { this.#say(t, { file: "offer", name: t.name, size: t.size }); }

  #fail(t, why) {
    Object.assign(t, { state: "failed", error: why, parts: null, file: null });
    this.told(t);
  }

  #message(peer, b) {
    if (b[0] === 0x7b) {
      let w;
      try {
        w = JSON.parse(new TextDecoder().decode(b));
      } catch {
        return;
      }
      const { id, size = 0, offset = 0 } = w;
      if (![id, size, offset].every((n) => Number.isSafeInteger(n) && n >= 0) || id === 0 || size > maxSize) return;
      this.#words(peer, w, id, size, offset);
      return;
    }
    if (b.length < head || b.length > head + chunkMax || (b[0] !== data && b[0] !== ack)) return;
    const view = new DataView(b.buffer, b.byteOffset);
    const [id, offset, stamp] = [1, 9, 17].map((at) => Number(view.getBigUint64(at)));
    const t = this.list.find((t) => t.peer === peer && t.wire === id && t.mine === (b[0] === ack));
    if (!t || t.state !== "moving") return;
    if (b[0] === data) this.#received(t, offset, stamp, b.subarray(head));
    else this.#acked(t, offset, stamp);
  }

  #words(peer, w, id, size, offset) {
    const mine = w.file === "accept" || w.file === "stop" || w.file === "done";
    const t = this.list.find((t) => t.peer === peer && t.wire === id && t.mine === mine);
    if (w.file === "offer") {
      if (t) this.#reminded(t);
      else if (this.list.filter((t) => t.peer === peer && !t.mine && !ended(t)).length >= maxOffers) this.#say({ peer, wire: id }, { file: "stop", why: "too many files at once" });
      else this.#add({ wire: id, peer, mine: false, name: cleanName(w.name ?? ""), size });
      return;
    }
    if (!t || ended(t)) return;
    const why = line(typeof w.why === "string" ? w.why : "", 100);
    switch (w.file) {
      case "accept": this.#accepted(t, offset); break;
      case "stop": this.#fail(t, why ? `${t.who} stopped it: ${why}` : t.state === "offered" ? `${t.who} refused it` : `${t.who} stopped it`); break;
      case "withdraw": this.#fail(t, why ? `${t.who} stopped it: ${why}` : t.state === "offered" ? `${t.who} took it back` : `${t.who} stopped it`); break;
      case "end": this.#complete(t, w.sha256); break;
      case "done":
        if (t.hashed < t.size || t.state !== "moving") break;
        Object.assign(t, { state: "done", bytes: t.size, file: null });
        this.told(t);
    }
  }

  #reminded(t) {
    if (t.state === "moving") this.#say(t, { file: "accept", ...(t.bytes && { offset: t.bytes }) });
    else if (t.state === "done") this.#say(t, { file: "done" });
    else if (t.state === "failed") this.#say(t, { file: "stop", why: t.error });
  }

  #received(t, offset, stamp, bytes) {
    if (offset < t.bytes) return;
    if (offset > t.bytes || bytes.length > t.size - t.bytes) {
      this.#say(t, { file: "stop", why: "it came in the wrong order" });
      this.#fail(t, `${t.who} sent what does not belong together`);
      return;
    }
    t.parts.push(bytes);
    t.hash.push(bytes);
    t.bytes += bytes.length;
    const now = this.now();
    if (t.bytes - t.acked >= 64 << 10 || now - t.ackedAt >= 10 || t.bytes === t.size) {
      const b = packet(ack, t.wire, t.bytes, stamp);
      if (this.#lanes.get(t.peer)?.session.sendOn("file", b)) [t.acked, t.ackedAt] = [t.bytes, now];
    }
    this.changed();
  }

  #complete(t, sum) {
    if (t.mine || t.state !== "moving") return;
    if (t.bytes !== t.size || t.hash.hex() !== sum) {
      this.#say(t, { file: "stop", why: "it did not arrive as it was sent" });
      this.#fail(t, "it did not arrive as it was sent");
      return;
    }
    // Whatever it is, the page only saves it.
    t.blob = new Blob(t.parts, { type: "application/octet-stream" });
    t.url = URL.createObjectURL(t.blob);
    Object.assign(t, { state: "done", parts: null });
    this.#say(t, { file: "done" });
    this.told(t);
  }

  #accepted(t, offset) {
    if (t.going) return;
    if (offset > t.hashed || offset > t.size) {
      this.#say(t, { file: "withdraw", why: "more of it is there than was sent" });
      this.#fail(t, `${t.who} has more of it than was sent`);
      return;
    }
    Object.assign(t, { state: "moving", going: true, all: false, sent: offset, bytes: offset });
    this.told(t);
    this.#pump(t.peer);
  }

  #acked(t, offset, stamp) {
    const lane = this.#lanes.get(t.peer);
    if (!lane || !t.going || offset > t.sent || offset < t.bytes) return;
    const n = offset - t.bytes, now = this.now();
    t.bytes = offset;
    const rtt = now - stamp / 1000;
    if (rtt >= 0) lane.pace.acked(now, Math.max(rtt, 0.01), n, t.bytes < t.sent);
    this.changed();
    this.#pump(t.peer);
  }

  // #pump sends to a peer what may be sent now, one file after the other. Reading
  // takes turns, so there is one pump at a time for each connection.
  async #pump(peer) {
    const lane = this.#lanes.get(peer);
    if (!lane || lane.pumping) return;
    lane.pumping = true;
    try {
      while (this.#lanes.get(peer) === lane) {
        const t = this.list.find((t) => t.peer === peer && t.mine && t.state === "moving" && t.going && !t.all);
        if (!t) return;
        if (!await this.#step(t, lane)) {
          lane.pace.quiet(this.now());
          await new Promise((done) => this.later(done, 5));
        }
      }
    } finally {
      lane.pumping = false;
    }
  }

  // #step sends one message of a file, and reports false if that has to wait.
  async #step(t, lane) {
    if (t.sent === t.size) {
      t.all = this.#say(t, { file: "end", sha256: t.sum ??= t.hash.hex() });
      return t.all;
    }
    const n = Math.min(lane.pace.chunk(), t.size - t.sent), at = t.sent;
    if (at - t.bytes + n + head > inFlight || !lane.pace.allow(this.now(), n)) return false;
    let bytes;
    try {
      bytes = new Uint8Array(await t.file.slice(at, at + n).arrayBuffer());
    } catch {
      this.stop(t, "it can no longer be read");
      return true;
    }
    if (ended(t) || !t.going || t.sent !== at || this.#lanes.get(t.peer) !== lane) return true; // meanwhile
    if (bytes.length !== n) {
      this.stop(t, "it was changed while it was sent");
      return true;
    }
    if (!lane.session.sendOn("file", packet(data, t.wire, at, Math.round(this.now() * 1000), bytes))) return false;
    if (at + n > t.hashed) {
      t.hash.push(bytes.subarray(t.hashed - at));
      t.hashed = at + n;
    }
    t.sent += n;
    return true;
  }
}
