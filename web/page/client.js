// The link to the signaling server: it dials, says who is there, resumes after
// every loss and hands on what it hears (signal/client.go and its neighbours).
// Losing it touches no connection between participants.

import { protocol, randomID } from "./key.js";
import { rules } from "./rules.js";
import { line } from "./safetext.js";
import { Sealer, limits } from "./seal.js";
import { decodeFrame, encodeFrame } from "./wire.js";

const {
  heartbeat, pongWait, nudgeWait, goneAfter, firstDialTimeout, maxDialTimeout, minDialAge,
  dialBackoff, dialBackoffShort, dialBackoffLong, dialBackoffMax, dialPatience, maxLeaveWait, maxRoster, maxOutbox, dialBeside,
} = rules;

// backoff returns how long to wait before the dial numbered attempt (from 1):
// exponential, with full jitter so that a room does not return all at once.
export function backoff(random, attempt, down, welcomed) {
  const late = welcomed ? dialBackoffLong : dialBackoffMax; // who was in the room is waited for there
  const limit = down >= dialPatience ? late : dialBackoffShort;
  return random() * Math.min(limit, dialBackoff * 2 ** (attempt - 1));
}

// dialTimeout is how long the dial numbered attempt may take, up to the welcome.
export function dialTimeout(attempt) { return Math.min(maxDialTimeout, firstDialTimeout * 2 ** (attempt - 1)); }

// SignalClient calls handle with events {on: "server"|"welcome"|"presence"|
// "gone"|"message"|"nack"|"ice"|"refused"}. What it needs of the browser can be
// replaced in tests: WebSocket, now, random, setTimer and clearTimer.
export class SignalClient {
  #env;
  #handle;
  #url;
  #room;
  #self;
  #inc;
  #own; // our state
  #stateDue = false;
  #token = randomID();
  #link = null; // {ws, queue, tokens, refilled, rate, burst}
  #dialing = null; // {ws, started, n}
  #tries = 0;
  #attempt = 1;
  #state = "closed";
  #downAt = 0;
  #retryAt = 0; // 0: no dial is due
  #pingAt = 0;
  #pongBy = 0;
  #welcomed = false;
  #server = "";
  #seq = 0;
  #gap = false;
  #roster = new Map();
  #timer = 0;
  #ended = false;
  #out = Promise.resolve(); // messages are sealed one after the other
  #in = Promise.resolve(); // and opened so

  constructor({ url, room, key, self, inc, state, handle, env = {} }) {
    this.#url = url;
    this.#room = room;
    this.#self = self;
    this.#inc = inc;
    this.#own = state;
    this.#handle = handle;
    this.sealer = new Sealer(room, key, self, inc);
    this.#env = {
      WebSocket: globalThis.WebSocket,
      now: () => performance.now(),
      random: Math.random,
      setTimer: (f, ms) => setTimeout(f, ms),
      clearTimer: (t) => clearTimeout(t),
      ...env,
    };
  }

  // start dials; it may be called once.
  start() {
    this.#downAt = this.#env.now();
    this.#attempt = 1;
    this.#setLink("connecting", { attempt: 1, retryIn: 0 });
    this.#dial();
  }

  // send says body to a process of a peer, or drops it while the link is down.
  send(to, inc, body) {
    const link = this.#link;
    if (!link) return;
    this.#out = this.#out.then(async () => {
      if (this.#link !== link) return;
      const frame = await this.sealer.sealMessage(to, inc, body);
      if (this.#link !== link || frame.length > limits.frame || link.queue.length >= maxOutbox) return;
      link.queue.push(frame);
      this.#flush(link);
    }).catch(() => {}); // a message that cannot be sealed is dropped
  }

  // setState tells the whole room; one that is not newer is ignored.
  setState(state) {
    if (state.n <= this.#own.n) return;
    this.#own = state;
    this.#stateDue = true;
    this.#sendState();
  }

  // nudge says that the network may have changed: the link is verified at
  // once, or dialed now instead of later.
  nudge() {
    if (this.#ended) return;
    const now = this.#env.now();
    if (this.#link) {
      this.#ping(now, nudgeWait);
    } else if (!this.#dialing || now - this.#dialing.started >= minDialAge) {
      this.#abandonDial();
      this.#attempt = 1;
      this.#dial();
      return;
    }
    this.#arm();
  }

  // redial says that the link's own address is gone: nothing comes over it any
  // more, and to wait for that is time lost.
  redial() {
    if (this.#ended) return;
    if (this.#link) this.#drop();
    else if (this.#dialing && this.#env.now() - this.#dialing.started < minDialAge) return;
    this.#abandonDial();
    this.#attempt = 1;
    this.#setLink(this.#welcomed ? "reconnecting" : "connecting", { attempt: 1, retryIn: 0 });
    this.#dial();
  }

  // leave says goodbye, so that the others see "left" at once.
  leave() {
    if (this.#ended) return;
    this.#end();
    this.#setLink("closed", { attempt: 0, retryIn: 0 });
  }

  #end() {
    this.#ended = true;
    this.#env.clearTimer(this.#timer);
    this.#abandonDial();
    if (this.#link) {
      const { ws } = this.#link;
      this.#detach(ws);
      try {
        ws.send(encodeFrame({ t: "bye" }));
      } catch { /* it closed meanwhile */ }
      ws.close(1000);
      this.#link = null;
    }
  }

  #detach(ws) { ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null; }

  #abandonDial() {
    if (!this.#dialing) return;
    for (const ws of this.#dialing.all) this.#giveUp(ws);
    this.#dialing = null;
  }

  #giveUp(ws) {
    this.#detach(ws);
    ws.close();
  }

  // #arm sets the only timer to the nearest deadline.
  #arm() {
    if (this.#ended) return;
    const times = [this.#retryAt, this.#pingAt, this.#pongBy, this.#dialing?.until ?? 0, this.#dialing?.besideAt ?? 0];
    for (const e of this.#roster.values()) times.push(e.limbo);
    const next = Math.min(...times.filter((t) => t > 0));
    this.#env.clearTimer(this.#timer);
    if (Number.isFinite(next)) this.#timer = this.#env.setTimer(() => this.#onTime(), Math.max(0, next - this.#env.now()));
  }

  #onTime() {
    if (this.#ended) return;
    const now = this.#env.now();
    for (const [peer, e] of [...this.#roster]) {
      if (e.limbo && now >= e.limbo) {
        this.#roster.delete(peer);
        this.#handle({ on: "gone", peer, inc: e.inc, unsaid: true });
      }
    }
    if (this.#dialing && now >= this.#dialing.until) {
      this.#abandonDial();
      this.#retry(0);
    } else if (this.#dialing?.besideAt && now >= this.#dialing.besideAt) {
      this.#open(this.#dialing);
    } else if (this.#link && this.#pongBy && now >= this.#pongBy) {
      this.#lose();
    } else if (this.#link && now >= this.#pingAt) {
      this.#ping(now, pongWait);
    } else if (!this.#link && !this.#dialing && this.#retryAt && now >= this.#retryAt) {
      this.#dial();
    }
    this.#arm();
  }

  #ping(now, within) {
    this.#raw(encodeFrame({ t: "ping" }));
    this.#pingAt = now + heartbeat;
    this.#pongBy = this.#pongBy ? Math.min(this.#pongBy, now + within) : now + within;
    this.#sendState();
  }

  // #raw sends what overtakes messages that wait for the pace.
  #raw(frame) {
    if (this.#link?.ws.readyState === 1) this.#link.ws.send(frame);
  }

  // #flush sends what the pace allows: a tenth below what the server does, so
  // that nothing of ours waits there, where a ping could not overtake it.
  #flush(link) {
    if (this.#link !== link) return;
    const now = this.#env.now();
    link.tokens = Math.min(link.burst, link.tokens + (now - link.refilled) * link.rate / 1000);
    link.refilled = now;
    while (link.queue.length && link.tokens >= 1) {
      // A frame counts as one, and one more for each 4 KiB of it.
      link.tokens -= 1 + Math.floor(link.queue[0].length / 4096);
      this.#raw(link.queue.shift());
    }
    if (link.queue.length && !link.waiting) {
      link.waiting = true;
      this.#env.setTimer(() => {
        link.waiting = false;
        this.#flush(link);
      }, 1000 / link.rate);
    }
  }

  #sendState() {
    if (!this.#stateDue || !this.#link) return;
    this.#stateDue = false;
    const link = this.#link, state = this.#own;
    this.#out = this.#out.then(async () => {
      const body = await this.sealer.sealState(state);
      if (this.#link === link && state === this.#own) this.#raw(encodeFrame({ t: "st", n: state.n }, body));
    }).catch(() => {});
  }

  async #dial() {
    this.#retryAt = 0;
    this.#tries++;
    const state = this.#own;
    const hello = {
      t: "hello", v: protocol, room: this.#room.id, peer: this.#self, inc: this.#inc,
      n: state.n, resume: this.#token, try: this.#tries,
    };
    if (this.#server) {
      hello.srv = this.#server;
      if (this.#seq && !this.#gap) hello.seq = this.#seq;
    }
    this.#stateDue = false;
    const now = this.#env.now();
    const dialing = {
      hello, sealed: this.sealer.sealState(state), signed: this.sealer.sign("hello", `${hello.resume}|${hello.try}`), ws: null, all: [], besideAt: 0,
      started: now, until: now + dialTimeout(this.#attempt), n: state.n,
    };
    this.#dialing = dialing;
    this.#open(dialing);
    this.#arm();
  }

  // #open makes one more connection of a dial. The system repeats its first packet
  // after 1, 2, 4 and 8 s, and the way may be back long before it does: so another
  // is started beside one that is old. The first that opens is taken.
  #open(dialing) {
    const ws = new this.#env.WebSocket(this.#url);
    dialing.all.push(ws);
    dialing.besideAt = this.#env.now() + dialBeside;
    ws.onopen = async () => {
      if (dialing.ws) return;
      dialing.ws = ws;
      dialing.besideAt = 0;
      for (const other of dialing.all) if (other !== ws) this.#giveUp(other);
      dialing.all = [ws];
      const frame = encodeFrame({ ...dialing.hello, ...await dialing.signed }, await dialing.sealed);
      if (this.#dialing === dialing && ws.readyState === 1) ws.send(frame);
    };
    ws.onmessage = (e) => {
      this.#in = this.#in.then(() => this.#received(ws, e.data)).catch(() => {});
    };
    ws.onclose = (e) => {
      this.#in = this.#in.then(() => this.#closed(ws, e)).catch(() => {});
    };
  }

  #closed(ws, e) {
    if (this.#ended) return;
    if (this.#dialing?.all.includes(ws)) {
      this.#dialing.all = this.#dialing.all.filter((other) => other !== ws);
      if (this.#dialing.all.length) return; // one that fails leaves the others their chance
      this.#dialing = null;
      this.#retry(0);
    } else if (this.#link?.ws === ws) {
      this.#lose(e.code);
    }
    this.#arm();
  }

  async #received(ws, data) {
    if (this.#ended || typeof data !== "string") return;
    let frame;
    try {
      frame = decodeFrame(data);
    } catch {
      return; // what breaks the protocol is dropped
    }
    if (!frame) return;
    if (this.#dialing?.ws === ws) await this.#greeted(this.#dialing, frame.header);
    else if (this.#link?.ws === ws) await this.#receive(frame, data);
    this.#arm();
  }

  async #greeted(dialing, h) {
    if (h.t === "err" && this.#refused(h.code, h.text)) return;
    if (h.t === "leave" && h.act === "stop" && this.#refused("stopped")) return;
    if (h.t === "prove") { // the seat is taken: we prove that it is ours
      const { sig } = await this.sealer.sign("proof", `${h.srv}|${h.ch}`);
      if (this.#dialing === dialing && dialing.ws.readyState === 1) dialing.ws.send(encodeFrame({ t: "proof", sig }));
      return;
    }
    if (h.t !== "welcome") {
      this.#abandonDial();
      this.#retry(0);
      return;
    }
    const now = this.#env.now();
    this.#dialing = null;
    const rate = Math.max(1, h.lim?.rate || 50) * 0.9, burst = Math.max(1, (h.lim?.burst || 200) * 0.9);
    this.#link = { ws: dialing.ws, queue: [], rate, burst, tokens: burst, refilled: now, waiting: false };
    this.#attempt = 0;
    this.#pingAt = now + heartbeat;
    this.#pongBy = 0;
    this.#stateDue = this.#own.n > dialing.n;
    const restarted = this.#server !== "" && this.#server !== h.srv;
    this.#welcomed = true;
    this.#server = h.srv;
    this.#seq = h.seq;
    const changes = h.peers ? await this.#settle(h.peers, restarted, now) : [];
    if (this.#ended) return;
    this.#setLink("connected", { attempt: 0, retryIn: 0 });
    this.#handle({
      on: "welcome", resumed: h.resumed === true, restarted, server: h.srv,
      peers: this.#list(), ice: iceServers(h.ice, this.#url),
    });
    for (const e of changes) this.#handle(e);
    this.#sendState();
  }

  // #refused says whether a refusal is final. Someone who is in a call stays in
  // it, except when the seat or the server is taken away.
  #refused(code, text = "") {
    const final = code === "replaced" || code === "stopped" ||
      (!this.#welcomed && ["version", "full", "token", "bad"].includes(code));
    if (!final) return false;
    this.#end();
    this.#setLink("closed", { attempt: 0, retryIn: 0 });
    this.#handle({ on: "refused", code, text: line(text, limits.reason) });
    return true;
  }

  #list() { return [...this.#roster.values()].map((e) => ({ ...e })); }

  // #settle makes the roster agree with the server's list. Who is missing from
  // it is gone, unless the server has just restarted: then they are away until
  // they had the time to come back to it.
  async #settle(members, restarted, now) {
    this.#gap = false;
    const changes = [], listed = new Set();
    for (const m of members.slice(0, maxRoster)) {
      listed.add(m.peer);
      const e = await this.#apply(m.peer, m.inc, m.away === true, m.state);
      if (e) changes.push(e);
    }
    for (const [peer, e] of [...this.#roster]) {
      if (listed.has(peer)) continue;
      if (restarted || e.limbo) {
        e.limbo ||= now + goneAfter;
        if (!e.away) {
          e.away = true;
          changes.push({ on: "presence", ...e });
        }
      } else {
        this.#roster.delete(peer);
        changes.push({ on: "gone", peer, inc: e.inc, unsaid: true });
      }
    }
    return changes;
  }

  // #apply notes what the server says of someone and returns the event, or null when
  // nothing is new. Without a state only the presence is told. Whoever the server
  // lists has signed a state for this incarnation, or is not there at all.
  async #apply(peer, inc, away, sealed) {
    let e = this.#roster.get(peer), state = null;
    if (peer === this.#self || (e && inc < e.inc) || (!e && this.#roster.size >= maxRoster)) return null;
    if (sealed !== null) {
      try {
        state = await this.sealer.openState(peer, inc, sealed);
      } catch {
        return null;
      }
    } else if (inc !== e?.inc) {
      return null;
    }
    let changed = false;
    if (!e || inc > e.inc) {
      e = { peer, inc, away, state: null, limbo: 0 };
      this.#roster.set(peer, e);
      changed = true;
    }
    e.limbo = 0;
    if (e.away !== away) changed = true;
    e.away = away;
    if (state && (!e.state || state.n > e.state.n)) {
      e.state = state;
      changed = true;
    }
    return changed ? { on: "presence", ...e } : null;
  }

  async #receive({ header: h, body }, frame) {
    this.#pongBy = 0;
    switch (h.t) {
      case "sig":
        try {
          this.#handle({ on: "message", ...await this.sealer.openMessage(frame) });
        } catch { /* replayed, altered or not for us */ }
        break;
      case "peer": await this.#receivePeer(h, body); break;
      case "room":
        this.#seq = h.seq;
        for (const e of await this.#settle(h.peers, false, this.#env.now())) this.#handle(e);
        break;
      case "nack": this.#handle({ on: "nack", to: h.to, why: h.why === "away" ? "away" : "unknown" }); break;
      case "ice": this.#handle({ on: "ice", ice: iceServers(h.ice, this.#url) }); break;
      case "leave": this.#sentAway(h); break;
      case "err": this.#refused(h.code, h.text); break;
    }
  }

  // #receivePeer applies an event of the room and asks for the roster when one
  // before it was missed.
  async #receivePeer(h, body) {
    if (h.seq <= this.#seq) return;
    if (h.seq !== this.#seq + 1 && !this.#gap) {
      this.#gap = true;
      this.#raw(encodeFrame({ t: "sync" }));
    }
    this.#seq = h.seq;
    let event = null;
    switch (h.on) {
      case "join": case "state": event = await this.#apply(h.peer, h.inc, false, body); break;
      case "away":
        if (this.#roster.has(h.peer)) event = await this.#apply(h.peer, h.inc, true, null);
        break;
      case "gone": {
        const e = this.#roster.get(h.peer);
        if (e && h.inc >= e.inc) {
          this.#roster.delete(h.peer);
          event = { on: "gone", peer: h.peer, inc: e.inc, unsaid: false };
        }
      }
    }
    if (event) this.#handle(event);
  }

  #sentAway(h) {
    if (h.act === "stop") {
      this.#refused("stopped");
      return;
    }
    if (h.act === "rejoin") {
      this.#server = "";
      this.#seq = 0;
    }
    this.#drop();
    this.#retry(Math.max(0, Math.min(Number(h.after) || 0, maxLeaveWait)));
  }

  #drop() {
    const { ws } = this.#link;
    this.#detach(ws);
    ws.close();
    this.#link = null;
    this.#pingAt = this.#pongBy = 0;
    this.#downAt = this.#env.now();
    this.#attempt = 0;
  }

  // #lose gives the link up and plans the first dial.
  #lose(code) {
    this.#drop();
    if (code === 4409) this.#refused("replaced");
    else this.#retry(0);
  }

  // #retry plans the next dial, no sooner than after atLeast.
  #retry(atLeast) {
    if (this.#ended) return;
    const now = this.#env.now();
    this.#attempt++;
    const wait = atLeast + backoff(this.#env.random, this.#attempt, now - this.#downAt, this.#welcomed);
    this.#retryAt = now + Math.max(1, wait);
    this.#setLink(this.#welcomed ? "reconnecting" : "connecting", { attempt: this.#attempt, retryIn: wait });
  }

  #setLink(state, more) {
    const previous = this.#state;
    this.#state = state;
    this.#handle({ on: "server", state, previous, ...more });
  }
}

// hostOf is the host of a STUN or TURN URL (RFC 7064, 7065), without brackets.
function hostOf(url) {
  const m = /^(?:stun|turns?):(\[[^\]]+\]|[^:?]+)(?::\d+)?(?:\?.*)?$/.exec(url);
  return m ? m[1].replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase() : "";
}

// iceServers takes of the server's list what is at its own host, in the shape
// RTCPeerConnection wants, and nothing else: it could have everybody in the room knock
// at addresses inside of their networks.
export function iceServers(list, socket) {
  if (!Array.isArray(list)) return [];
  const own = new URL(socket).hostname.replace(/^\[|\]$/g, "");
  const believed = [];
  for (const s of list.slice(0, 8)) {
    if (!s || !Array.isArray(s.urls)) continue;
    const urls = s.urls.slice(0, 8).filter((u) => typeof u === "string" && hostOf(u) === own);
    if (!urls.length) continue;
    const server = { urls };
    if (typeof s.username === "string") server.username = s.username;
    if (typeof s.credential === "string") server.credential = s.credential;
    believed.push(server);
  }
  return believed;
}
