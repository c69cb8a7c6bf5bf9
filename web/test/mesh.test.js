// What the page's mesh has of its own, with sessions made of paper. What it has in
// common with the terminal's is in rtc/testdata/rooms.
import assert from "node:assert/strict";
import test from "node:test";
import { Mesh } from "../page/mesh.js";

const media = { mic: true, camera: false, screen: false };
const id = (c) => c.repeat(22);

function bed(self = id("m")) {
  const b = { now: 1000, sent: [], sessions: [], events: [], data: [], nudges: 0 };
  b.mesh = new Mesh({
    self, state: { n: 1, name: "Me", media, agent: "" },
    now: () => b.now, setTimer: () => 0, clearTimer: () => {},
    signal: {
      send: (to, inc, body) => b.sent.push({ to, inc, body }), setState: (s) => { b.state = s; }, nudge: () => { b.nudges++; },
      sealer: {
        sealMessage: async (to, inc, body) => `sealed ${to} ${body.k}`,
        openMessage: async (frame) => JSON.parse(frame),
      },
    },
    dial: (config) => {
      const s = {
        ...config, did: [], texts: [], pulse: { heard: b.now, answered: b.now }, sent: [0, 0, 0], received: [0, 0, 0], figures: { framesDecoded: [0, 0, 0] }, transport: null, closed: false,
        do: (c) => s.did.push(c), send: (t) => s.texts.push(JSON.parse(t)), close: () => { s.closed = true; }, poll: async () => {}, tracks: () => [],
      };
      b.sessions.push(s);
      return s;
    },
    handle: (e) => b.events.push(e), changed: () => {}, data: (...a) => b.data.push(a), dataOpen: () => {}, gone: () => {},
  });
  b.server = (state) => b.mesh.signalEvent({ on: "server", state, previous: "", attempt: 0, retryIn: 0 });
  b.welcome = (...peers) => {
    b.server("connected");
    b.mesh.signalEvent({ on: "welcome", ice: [], peers: peers.map((p) => presence(p)) });
  };
  // pass lets time go by with signs of life on the given sessions.
  b.pass = (ms, ...alive) => {
    for (const end = b.now + ms; b.now < end;) {
      b.now += 50;
      for (const s of alive) s.pulse = { heard: b.now, answered: b.now };
      b.mesh.post(() => {});
    }
  };
  // connect brings the session with a peer up, with its data channel.
  b.connect = (peer) => {
    const s = b.sessions.findLast((x) => x.peer === peer && !x.closed);
    s.post({ on: "offer", n: 1, gen: 1, restart: false, sdp: "o" });
    b.message(peer, { k: "answer", ep: 1, rep: s.epoch, n: 1, g: 1, sdp: "a" });
    s.post({ on: "connected" });
    s.post({ on: "data-open" });
    return s;
  };
  b.message = (from, body, inc = 1) => b.mesh.signalEvent({ on: "message", from, inc, body });
  b.names = () => b.events.map((e) => e.event);
  b.peer = (p) => b.mesh.view().peers.find((v) => v.id === p);
  return b;
}

const presence = (peer, more = {}) => ({ on: "presence", peer, inc: 1, away: false, bad: false, state: { n: 1, name: `Name ${peer[0]}`, media, agent: "" }, ...more });
const say = (s, msg) => s.post({ on: "data", data: typeof msg === "string" ? msg : JSON.stringify(msg) });
const report = (n, peers = [], sent = [0, 0, 0], more = {}) => ({ t: "report", state: { n, name: "Name a", media: { ...media, ...more } }, sent, peers });

test("ICE servers of the welcome, and renewed ones, reach every session", () => {
  const b = bed(), first = [{ urls: ["turn:x"], username: "1", credential: "a" }], second = [{ urls: ["turn:x"], username: "2", credential: "b" }];
  b.server("connected");
  b.mesh.signalEvent({ on: "welcome", ice: first, peers: [presence(id("a"))] });
  const s = b.connect(id("a"));
  assert.deepEqual(s.ice, first);
  b.mesh.signalEvent({ on: "ice", ice: second });
  assert.deepEqual(s.did.at(-1), { do: "ice", servers: second });
  b.mesh.signalEvent(presence(id("b")));
  assert.deepEqual(b.sessions.at(-1).ice, second);
});

test("a long silence has the server asked", () => {
  const b = bed();
  b.welcome(id("a"));
  const s = b.connect(id("a"));
  b.pass(1000, s);
  b.pass(1200);
  assert.equal(b.nudges, 0);
  b.pass(100);
  assert.equal(b.nudges, 1);
});

test("an oversized frame is carried for nobody", () => {
  const b = bed();
  b.welcome(id("a"), id("b"));
  const a = b.connect(id("a")), to = b.connect(id("b"));
  say(a, { t: "relay", from: id("a"), to: id("b"), frame: "x" });
  say(a, { t: "relay", from: id("a"), to: id("b"), frame: "x".repeat(60000) });
  assert.deepEqual(to.texts.filter((t) => t.t === "relay"), [{ t: "relay", from: id("a"), to: id("b"), frame: "x" }]);
});

test("hostile data is dropped", () => {
  const b = bed();
  b.welcome(id("a"));
  const s = b.connect(id("a"));
  const before = JSON.stringify(b.peer(id("a")));
  for (const bad of ["", "{", "null", "5", "[]", { t: 5 }, { t: "report" }, { t: "report", state: null }, { t: "report", state: { n: 9 }, sent: [1, 2] },
    { t: "report", state: { n: 9 }, sent: ["1", 2, 3], peers: 5 }, { t: "relay" }, { t: "relay", frame: "x" }, { t: "app" }, { t: "app", kind: 5 }, { t: "constructor" }]) say(s, bad);
  assert.equal(JSON.stringify(b.peer(id("a"))), before);
  say(s, report(9, Array(1000).fill(id("z"))));
  say(s, { t: "report", state: { n: 10, name: "x\u202e\x1b[31m<b>", media: { mic: "yes", camera: 1, screen: true } }, sent: [0, 0, 0] });
  assert.deepEqual([b.peer(id("a")).name, b.peer(id("a")).media], ["x<b>", { mic: false, camera: false, screen: true }]);
  assert.deepEqual(b.data, []);
});
