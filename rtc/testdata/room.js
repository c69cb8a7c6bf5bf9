// What the tests of package rtc drive the page's mesh by, with sessions made of
// paper: inputs are JSON, what it does is told in JSON of the same shape.
import { Mesh } from "./mesh.js";
import { readBody, readState, writeBody } from "./seal.js";

const start = 1e9;
let mesh, now, did, timer, sessions, alive, got;

const body = (b) => {
  const { c, ...rest } = JSON.parse(writeBody(1, b));
  return rest;
};

globalThis.room = () => {
  now = start;
  did = [];
  timer = 0;
  sessions = new Map();
  alive = new Map();
  got = new Map();
  mesh = new Mesh({
    self: "m", room: "", state: { n: 1, name: "Me", media: { mic: true, camera: false, screen: false }, agent: "" },
    now: () => now, setTimer: (f, ms) => { timer = ms; }, clearTimer: () => {},
    signal: {
      send: (to, inc, b) => did.push({ what: "send", peer: to, inc, body: body(b) }),
      setState: (s) => did.push({ what: "state", n: s.n, mic: s.media.mic }),
      nudge: () => {
        if (mesh.view().server.state !== "connected") did.push({ what: "nudge" });
      },
      sealer: {
        sealMessage: async (to, inc, b) => JSON.stringify({ to, inc, body: body(b) }),
        openMessage: async (frame) => {
          const f = JSON.parse(frame);
          return { from: f.from, inc: f.inc, body: readBody(JSON.stringify({ c: 1, ...f.body })) };
        },
      },
    },
    dial: (config) => {
      const s = {
        peer: config.peer, epoch: config.epoch, post: config.post, last: now, quiet: false, transport: null, sent: [0, 0, 0],
        figures: {},
        get pulse() {
          if (alive.get(s.peer)) s.last = now;
          return { heard: s.last, answered: s.last };
        },
        get received() { return got.get(s.peer) ?? [0, 0, 0]; },
        do: (cmd) => did.push({ what: "do", peer: s.peer, epoch: s.epoch, body: cmd }),
        send: (text) => did.push({ what: "data", peer: s.peer, data: text }),
        close: () => did.push({ what: "close", peer: s.peer, epoch: s.epoch }),
        doze: (on) => did.push({ what: "doze", peer: s.peer, data: on ? "on" : "off" }),
        poll: async () => {},
      };
      sessions.set(s.peer, s);
      did.push({ what: "dial", peer: s.peer, epoch: s.epoch });
      return s;
    },
    handle: (e) => {
      const { peer, name, ...event } = e;
      did.push({ what: "emit", peer, body: event });
    },
    changed: () => {}, data: (from, kind) => did.push({ what: "hears", peer: from, data: kind }), dataOpen: () => {}, gone: () => {},
  });
};

const state = (i, peer) => ({ n: Math.max(1, i.n ?? 1), name: `Name-${peer}`, agent: "", media: { mic: i.mic === true, camera: false, screen: false } });
const presence = (i, peer, away) => ({ on: "presence", peer, inc: Math.max(1, i.inc ?? 1), away, bad: false, state: state(i, peer) });

// stateRead is a state as the page opens it, and as it tells it on.
globalThis.stateRead = (text) => JSON.stringify(readState(JSON.parse(text)));

globalThis.roomInput = (at, text) => {
  now = start + at;
  const i = JSON.parse(text), s = sessions.get(i.peer);
  switch (i.in) {
    case "server": mesh.signalEvent({ on: "server", state: i.on ? "connected" : "reconnecting", previous: "", attempt: 0, retryIn: 0 }); break;
    case "welcome": mesh.signalEvent({ on: "welcome", ice: [], peers: (i.peers ?? []).map((p) => presence(i, p, false)) }); break;
    case "listed": case "away": mesh.signalEvent(presence(i, i.peer, i.in === "away")); break;
    case "gone": mesh.signalEvent({ on: "gone", peer: i.peer, inc: i.inc, unsaid: i.on }); break;
    case "message":
      if (i.body.rep === "epoch") i.body.rep = s.epoch;
      mesh.signalEvent({ on: "message", from: i.peer, inc: i.inc, body: readBody(JSON.stringify({ c: 1, ...i.body })) });
      break;
    case "session": s.post(i.event); break;
    case "data": s.post({ on: "data", data: i.data }); break;
    case "alive":
      s?.pulse; // up to now
      alive.set(i.peer, i.on);
      break;
    case "gets": got.set(i.peer, i.counts); break;
    case "moved":
      if (i.path === "lost") mesh.lost(new Set(sessions.keys()));
      else mesh.networkChanged(i.on);
      break;
    case "media": mesh.setMedia({ mic: i.mic, camera: false, screen: false }); break;
    case "hand": mesh.setHand(i.on); break;
    case "retry": mesh.retry(); break;
    case "end": break;
    default: throw new Error(`no input ${i.in}`);
  }
};

globalThis.roomLook = (at) => {
  now = start + at;
  mesh.post(() => {});
};

// roomWake is after how many ms the mesh wants to look again.
globalThis.roomWake = () => timer;

// roomDid returns what was done since it was last asked.
globalThis.roomDid = () => {
  const out = did;
  did = [];
  return JSON.stringify(out);
};

globalThis.roomView = () => JSON.stringify(mesh.view().peers.map((p) => (
  { id: p.id, name: p.name, state: p.state, away: p.away, mic: p.media.mic, oneWay: p.oneWay, missing: p.missing })));
