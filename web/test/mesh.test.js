// The mesh with sessions made of paper: reports, relays, and who is listed.
import assert from "node:assert/strict";
import test from "node:test";
import { Mesh } from "../page/mesh.js";
import { settle } from "./settle.js";

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

test("joining, connecting, counting", () => {
  const b = bed();
  b.welcome(id("a"), id("b"));
  assert.deepEqual(b.names().filter((n) => n === "peer-joined"), [], "they were here before us");
  b.connect(id("a"));
  const v = b.mesh.view();
  assert.deepEqual([v.connected, v.peers.length, v.peers[0].name], [1, 2, "Name a"]);
  b.mesh.signalEvent(presence(id("c")));
  assert.ok(b.names().includes("peer-joined"));
});

test("reports carry the whole truth, once a second and at every change", () => {
  const b = bed();
  b.welcome(id("a"), id("b"));
  const s = b.connect(id("a"));
  const other = b.connect(id("b"));
  const reports = () => s.texts.filter((t) => t.t === "report");
  assert.deepEqual(reports()[0], { t: "report", state: { n: 1, name: "Me", media, agent: "" }, sent: [0, 0, 0], peers: [] });
  b.pass(100, s, other);
  assert.deepEqual(reports().at(-1).peers, [id("b")], "whom we reach is told at once");
  const n = reports().length;
  b.mesh.setMedia({ mic: false, camera: false, screen: false });
  assert.deepEqual([reports().length, reports().at(-1).state.n, reports().at(-1).state.media.mic], [n + 1, 2, false]);
  assert.equal(b.state.n, 2, "and the server is told");
});

test("the newest state wins, whichever way it came", () => {
  const b = bed();
  b.welcome(id("a"));
  const s = b.connect(id("a"));
  say(s, report(5, [], [0, 0, 0], { mic: false }));
  assert.equal(b.peer(id("a")).media.mic, false);
  b.mesh.signalEvent(presence(id("a"), { state: { n: 4, name: "Older", media, agent: "" } }));
  assert.deepEqual([b.peer(id("a")).media.mic, b.peer(id("a")).name], [false, "Name a"]);
});

test("without the server a third peer carries what is sealed, one hop", async () => {
  const b = bed();
  b.welcome(id("a"), id("b"));
  const a = b.connect(id("a"));
  b.connect(id("b"));
  say(a, report(2, [id("b")]));
  b.server("reconnecting");
  b.pass(3000, a);
  await settle();
  assert.equal(b.peer(id("b")).state, "disconnected");
  assert.deepEqual(a.texts.filter((t) => t.t === "relay")[0], { t: "relay", from: id("m"), to: id("b"), frame: `sealed ${id("b")} probe` });
  // Carrying for others: only from who wrote it, only to who is connected.
  const c = bed();
  c.welcome(id("a"), id("b"));
  const ca = c.connect(id("a")), cb = c.connect(id("b"));
  const relays = () => cb.texts.filter((t) => t.t === "relay");
  say(ca, { t: "relay", from: id("a"), to: id("b"), frame: "x" });
  assert.deepEqual(relays(), [{ t: "relay", from: id("a"), to: id("b"), frame: "x" }]);
  say(ca, { t: "relay", from: id("z"), to: id("b"), frame: "x" });
  say(ca, { t: "relay", from: id("a"), to: id("z"), frame: "x" });
  say(ca, { t: "relay", from: id("a"), to: id("b"), frame: "x".repeat(60000) });
  assert.equal(relays().length, 1);
  // And taking what is for us.
  say(ca, { t: "relay", from: id("b"), to: id("m"), frame: JSON.stringify({ from: id("b"), inc: 1, body: { k: "probe", ep: 1, rep: 1, n: 7 } }) });
  await settle();
  assert.deepEqual(c.sent.at(-1).body, { k: "ack", ep: 2, rep: 1, n: 7, silent: false });
});

test("connected but silent media costs the connection, once in 20 s", () => {
  const b = bed();
  b.welcome(id("a"));
  let s = b.connect(id("a"));
  for (let i = 0; i < 4; i++) {
    say(s, report(2 + i, [], [50 * i, 0, 0]));
    b.pass(1000, s);
  }
  assert.equal(s.closed, true);
  assert.equal(b.sessions.length, 2);
  s = b.connect(id("a"));
  for (let i = 0; i < 8; i++) {
    say(s, report(20 + i, [], [50 * i, 0, 0]));
    b.pass(1000, s);
  }
  assert.equal(s.closed, false);
  assert.deepEqual(b.peer(id("a")).missing, ["mic"], "but it is said");
});

test("a crash of the server touches nobody whose media flows", () => {
  const b = bed();
  b.welcome(id("a"));
  const s = b.connect(id("a"));
  b.mesh.signalEvent(presence(id("a"), { away: true }));
  b.mesh.signalEvent({ on: "gone", peer: id("a"), inc: 1 });
  b.pass(40000, s);
  assert.equal(b.peer(id("a")).state, "connected");
  b.pass(33000);
  assert.equal(b.peer(id("a")), undefined, "until it is silent as well");
  assert.equal(b.events.find((e) => e.event === "peer-left").crashed, true);
});

test("goodbyes", () => {
  const b = bed();
  b.welcome(id("a"), id("b"));
  const s = b.connect(id("a"));
  say(s, { t: "bye" });
  assert.equal(b.events.at(-1).event, "peer-left");
  assert.equal(s.closed, true);
  b.message(id("b"), { k: "bye", ep: 1, rep: 1, why: "" });
  assert.equal(b.mesh.view().peers.length, 0);
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
