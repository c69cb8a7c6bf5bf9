// The link to the server, on a clock of its own and a socket made of paper.
import assert from "node:assert/strict";
import test from "node:test";
import { SignalClient, backoff, dialTimeout, iceServers } from "../page/client.js";
import { peerID, verify, fromBase64url } from "../page/key.js";
import { Sealer, deriveRoom } from "../page/seal.js";
import { seedKey } from "./seed.js";
import { settle } from "./settle.js";

const id = (c) => c.repeat(22);
const room = await deriveRoom({ name: "demo", secret: "AQIDBAUGBwgJCgsMDQ4PEA" });
const keys = {}, ids = {};
for (const [i, c] of ["m", "o", "x"].entries()) {
  keys[c] = await seedKey(new Uint8Array(32).fill(i + 1));
  ids[c] = await peerID(room.id, keys[c].open);
}
const media = { mic: true, camera: false, screen: false };

class Socket {
  static all = [];
  readyState = 0;
  sent = [];
  constructor(url) {
    this.url = url;
    Socket.all.push(this);
  }
  send(frame) { this.sent.push(frame); }
  close(code) { this.readyState = 3; this.closedWith = code; }
  open() { this.readyState = 1; this.onopen?.(); }
  say(header, body) { this.onmessage?.({ data: JSON.stringify(header) + (body ? `\n${body}` : "") }); }
  end(code = 1006) { this.readyState = 3; this.onclose?.({ code }); }
  headers() { return this.sent.map((f) => JSON.parse(f.split("\n")[0])); }
  count(t) { return this.headers().filter((h) => h.t === t).length; }
}

function bed() {
  Socket.all = [];
  const b = { now: 1000, timers: new Map(), next: 1, events: [], beforeTimer: () => {} };
  const env = {
    WebSocket: Socket, now: () => b.now, random: () => 0.5,
    setTimer: (f, ms) => (b.timers.set(b.next, { f, at: b.now + ms }), b.next++),
    clearTimer: (t) => b.timers.delete(t),
  };
  b.client = new SignalClient({
    url: "wss://h/ws", room, key: keys.m, self: ids.m, inc: 5, state: { n: 1, name: "Me", media, agent: "" },
    handle: (e) => b.events.push(e), env,
  });
  b.pass = async (ms) => {
    for (const end = b.now + ms; ;) {
      await settle();
      const due = [...b.timers].filter(([, t]) => t.at <= end).sort((x, y) => x[1].at - y[1].at)[0];
      if (!due) {
        b.now = end;
        return;
      }
      b.beforeTimer();
      if (!b.timers.delete(due[0])) continue;
      b.now = Math.max(b.now, due[1].at);
      due[1].f();
    }
  };
  b.socket = () => Socket.all.at(-1);
  b.welcome = async (more = {}) => {
    b.socket().open();
    await settle();
    b.socket().say({ t: "welcome", srv: id("s"), seq: 3, resumed: false, peers: [], hb: 2000, lim: { rate: 50, burst: 200 }, ...more });
    await settle();
  };
  b.states = () => b.events.filter((e) => e.on === "server").map((e) => e.state);
  b.of = (on) => b.events.filter((e) => e.on === on);
  return b;
}

const joined = async () => {
  const b = bed();
  b.client.start();
  await b.welcome();
  return b;
};
const other = new Sealer(room, keys.o, ids.o, 9);
const stateOf = (n, name) => other.sealState({ n, name, media });

test("hello, and hello again after a loss", async () => {
  const b = await joined();
  const [hello] = b.socket().headers();
  const { key, sig, ...rest } = hello;
  assert.deepEqual({ ...rest, resume: "" }, { t: "hello", v: "meet.2", room: room.id, peer: ids.m, inc: 5, n: 1, resume: "", try: 1 });
  await verify(fromBase64url(key), fromBase64url(sig), room.id, { from: ids.m, inc: 5 }, "hello", `${hello.resume}|1`);
  assert.match(hello.resume, /^[\w-]{22}$/);
  assert.deepEqual(b.states(), ["connecting", "connected"]);
  b.client.setState({ n: 2, name: "Me", media: { ...media, mic: false }, agent: "" });
  await settle();
  assert.deepEqual(b.socket().headers().at(-1), { t: "st", n: 2 });
  b.socket().end();
  await b.pass(60);
  assert.equal(Socket.all.length, 2);
  await b.welcome({ resumed: true, peers: null });
  const again = b.socket().headers()[0];
  assert.deepEqual([again.try, again.n, again.srv, again.seq, again.resume], [2, 2, id("s"), 3, hello.resume]);
  assert.deepEqual(b.states(), ["connecting", "connected", "reconnecting", "connected"]);
});

test("a silent server is given up 2 s after a ping, 1 s after the network changed", async () => {
  const b = await joined();
  await b.pass(1999);
  assert.equal(b.socket().count("ping"), 0);
  await b.pass(1);
  assert.equal(b.socket().count("ping"), 1);
  b.socket().say({ t: "pong" });
  await b.pass(3999);
  assert.equal(b.states().at(-1), "connected");
  await b.pass(1);
  assert.equal(b.states().at(-1), "reconnecting");
  const c = await joined();
  c.client.nudge();
  await c.pass(999);
  assert.equal(c.states().at(-1), "connected");
  await c.pass(1);
  assert.equal(c.states().at(-1), "reconnecting");
});

test("dials are given up and repeated", async () => {
  const b = bed();
  b.client.start();
  await b.pass(1999);
  assert.equal(Socket.all.length, 1);
  await b.pass(200);
  assert.equal(Socket.all.length, 2);
  assert.equal(Socket.all[0].readyState, 3);
  assert.deepEqual(b.states(), ["connecting", "connecting"]);
  assert.deepEqual([1, 2, 3, 4, 9].map(dialTimeout), [2000, 4000, 8000, 10000, 10000]);
  assert.deepEqual([1, 2, 3, 4, 5, 20].map((n) => backoff(() => 1, n, 0)), [100, 200, 400, 800, 1000, 1000]);
  assert.equal(backoff(() => 1, 20, 60000, false), 10000);
  assert.equal(backoff(() => 1, 20, 60000, true), 2000);
  b.client.nudge(); // too young to be stuck
  assert.equal(Socket.all.length, 2);
  await b.pass(500);
  b.client.nudge();
  assert.equal(Socket.all.length, 3);
});

test("who is there", async () => {
  const b = await joined();
  b.socket().say({ t: "peer", seq: 4, peer: ids.o, inc: 9, on: "join" }, await stateOf(1, "Other"));
  await settle();
  assert.deepEqual(b.of("presence").map((e) => [e.peer, e.away, e.state.name]), [[ids.o, false, "Other"]]);
  b.socket().say({ t: "peer", seq: 4, peer: ids.o, inc: 9, on: "gone" }); // not newer
  b.socket().say({ t: "peer", seq: 5, peer: ids.o, inc: 9, on: "away" });
  await settle();
  assert.equal(b.of("presence").at(-1).away, true);
  assert.equal(b.of("gone").length, 0);
  b.socket().say({ t: "peer", seq: 7, peer: ids.o, inc: 8, on: "join" }, await stateOf(1, "Older")); // after a gap, of an older process
  await settle();
  assert.equal(b.socket().count("sync"), 1);
  b.socket().say({ t: "room", seq: 8, peers: [] });
  await settle();
  assert.deepEqual(b.of("gone").map((e) => e.peer), [ids.o]);
});

test("what cannot be opened is not there, and replaces nothing", async () => {
  const b = await joined();
  const good = await stateOf(2, "Other");
  b.socket().say({ t: "peer", seq: 4, peer: ids.o, inc: 9, on: "join" }, good);
  b.socket().say({ t: "peer", seq: 5, peer: ids.o, inc: 9, on: "state" }, await stateOf(1, "Older"));
  b.socket().say({ t: "peer", seq: 6, peer: ids.o, inc: 9, on: "state" }, `${good[0] === "A" ? "B" : "A"}${good.slice(1)}`);
  b.socket().say({ t: "peer", seq: 7, peer: ids.o, inc: 2 ** 53 - 1, on: "join" }, good); // made up
  b.socket().say({ t: "peer", seq: 8, peer: ids.o, inc: 2 ** 53 - 1, on: "away" });
  b.socket().say({ t: "peer", seq: 9, peer: ids.x, inc: 9, on: "join" }, good);
  await settle();
  assert.deepEqual(b.of("presence").map((e) => [e.peer, e.inc, e.away, e.state.name]), [[ids.o, 9, false, "Other"]]);
});

test("a seat that is taken is proved to be ours", async () => {
  const b = bed();
  b.client.start();
  b.socket().open();
  await settle();
  b.socket().say({ t: "prove", srv: id("s"), ch: id("c") });
  await settle();
  const [, proof] = b.socket().headers();
  assert.equal(proof.t, "proof");
  await verify(keys.m.open, fromBase64url(proof.sig), room.id, { from: ids.m, inc: 5 }, "proof", `${id("s")}|${id("c")}`);
  b.socket().say({ t: "welcome", srv: id("s"), seq: 3, resumed: false, peers: [], hb: 2000, lim: null });
  await settle();
  assert.deepEqual(b.states(), ["connecting", "connected"]);
});

test("a restarted server forgets nobody for 30 s", async () => {
  const b = await joined();
  b.socket().say({ t: "peer", seq: 4, peer: ids.o, inc: 9, on: "join" }, await stateOf(1, "Other"));
  await settle();
  b.socket().end();
  await b.pass(100);
  await b.welcome({ srv: id("r"), seq: 0, peers: [] });
  assert.equal(b.of("welcome").at(-1).restarted, true);
  assert.equal(b.of("presence").at(-1).away, true);
  b.beforeTimer = () => b.socket().say({ t: "pong" });
  await b.pass(29000);
  assert.equal(b.of("gone").length, 0);
  await b.pass(2000);
  assert.equal(b.of("gone").length, 1);
});

test("messages keep their order and pace; pings overtake", async () => {
  const b = await joined();
  for (let n = 1; n <= 200; n++) b.client.send(ids.o, 9, { k: "probe", ep: 1, rep: 1, n });
  await settle();
  assert.equal(b.socket().count("sig"), 180, "a tenth below the server's burst");
  b.client.nudge();
  assert.equal(b.socket().count("ping"), 1);
  b.socket().say({ t: "pong" });
  await b.pass(1000);
  assert.equal(b.socket().count("sig"), 200);
  const reader = new Sealer(room, keys.o, ids.o, 9);
  const numbers = [];
  for (const f of b.socket().sent.filter((s) => s.startsWith('{"t":"sig"'))) numbers.push((await reader.openMessage(f)).body.n);
  assert.deepEqual(numbers, Array.from({ length: 200 }, (_, i) => i + 1));
});

test("messages of others come once", async () => {
  const b = await joined();
  const frame = await other.sealMessage(ids.m, 5, { k: "need", ep: 1, rep: 0 });
  for (let i = 0; i < 2; i++) b.socket().onmessage({ data: frame });
  await settle();
  assert.deepEqual(b.of("message").map((e) => [e.from, e.inc, e.body.k]), [[ids.o, 9, "need"]]);
});

test("refusals", async () => {
  for (const code of ["full", "version", "token", "bad"]) {
    const b = bed();
    b.client.start();
    b.socket().open();
    b.socket().say({ t: "err", code, text: "words\x1b[2J" });
    await b.pass(5000);
    assert.deepEqual(b.of("refused").map((e) => [e.code, e.text]), [[code, "words"]]);
    assert.equal(Socket.all.length, 1, "and no further dial");
  }
  const inCall = await joined();
  inCall.socket().say({ t: "err", code: "bad" });
  inCall.socket().end(4400);
  await inCall.pass(200);
  assert.equal(inCall.of("refused").length, 0, "who is in a call stays in it");
  const replaced = await joined();
  replaced.socket().say({ t: "err", code: "replaced" });
  replaced.socket().end(4409);
  await replaced.pass(5000);
  assert.deepEqual(replaced.of("refused").map((e) => e.code), ["replaced"]);
});

test("a server that stops says when to come back", async () => {
  const b = await joined();
  b.socket().say({ t: "leave", act: "rejoin", after: 3000 });
  await b.pass(2990);
  assert.equal(Socket.all.length, 1);
  await b.pass(200);
  assert.equal(Socket.all.length, 2);
  await b.welcome();
  assert.equal(b.socket().headers()[0].srv, undefined);
  b.socket().say({ t: "leave", act: "stop" });
  await b.pass(20000);
  assert.equal(Socket.all.length, 2);
  assert.equal(b.of("refused").at(-1).code, "stopped");
});

test("ICE servers are renewed, whatever else is in the frame", async () => {
  const b = await joined();
  b.socket().say({ t: "ice", ice: [{ urls: ["turn:h:1"], username: "u", credential: "c", other: 1 }, { urls: ["javascript:x"] }, null, { urls: [] }] });
  await b.pass(10);
  assert.deepEqual(b.of("ice").map((e) => e.ice), [[{ urls: ["turn:h:1"], username: "u", credential: "c" }]]);
});

test("leaving says goodbye", async () => {
  const b = await joined();
  b.client.leave();
  assert.equal(b.socket().count("bye"), 1);
  assert.equal(b.socket().closedWith, 1000);
  await b.pass(60000);
  assert.equal(Socket.all.length, 1);
});

test("hostile servers are harmless", async () => {
  const b = await joined();
  for (const data of ["", "{", "null", '{"t":"peer","seq":4,"peer":5,"inc":1,"on":"join"}', '{"t":"leave"}', '{"t":"err"}', '{"t":"sig"}\nx', new ArrayBuffer(4)]) {
    b.socket().onmessage({ data });
  }
  const many = Array.from({ length: 400 }, (_, i) => ({ peer: String(i).padStart(22, "p"), inc: 1, state: "AAAA" }));
  b.socket().say({ t: "room", seq: 9, peers: many });
  await settle();
  assert.ok(b.of("presence").length <= 256);
  b.socket().end();
  await b.pass(100);
  b.socket().open();
  await settle();
  b.socket().say({ t: "welcome", srv: id("s"), seq: 9, resumed: true, peers: null, lim: null, ice: [{ urls: ["javascript:x"] }, null, { urls: ["stun:h"], credential: 5 }] });
  await settle();
  assert.deepEqual(b.of("welcome").at(-1).ice, [{ urls: ["stun:h"] }]);
});

test("another attempt is started beside one that is 2 s old, and the first that opens is taken", async () => {
  const b = await joined();
  b.socket().end();
  await b.pass(2200); // the second dial, which may take 4 s
  assert.equal(Socket.all.length, 3);
  const first = b.socket();
  await b.pass(1800);
  assert.equal(Socket.all.length, 3);
  await b.pass(200);
  assert.equal(Socket.all.length, 4);
  const beside = b.socket();
  beside.open();
  await settle();
  assert.equal(first.readyState, 3, "the other is given up");
  assert.equal(beside.count("hello"), 1);
  beside.say({ t: "welcome", srv: id("s"), seq: 3, resumed: true, peers: null });
  await settle();
  assert.equal(b.states().at(-1), "connected");
});

test("one attempt that fails leaves the other its chance", async () => {
  const b = await joined();
  b.socket().end();
  await b.pass(4200);
  assert.equal(Socket.all.length, 4);
  const before = b.states().length;
  Socket.all[3].end();
  await settle();
  assert.equal(b.states().length, before);
  Socket.all[2].open();
  await settle();
  assert.equal(Socket.all[2].count("hello"), 1);
});

test("a link whose address is gone is dialed anew at once", async () => {
  const b = await joined();
  const old = b.socket();
  b.client.redial();
  assert.deepEqual([Socket.all.length, old.readyState, b.states().at(-1)], [2, 3, "reconnecting"]);
  await b.welcome({ resumed: true, peers: null });
  assert.equal(b.states().at(-1), "connected");
});

test("a server offers relays at its own host", () => {
  const urls = (list, at = "wss://meet.example:7077/ws") => iceServers([{ urls: list }], at).flatMap((s) => s.urls);
  assert.deepEqual(urls(["stun:meet.example", "turn:MEET.example:7077?transport=tcp", "turns:meet.example.:443"]).length, 3);
  for (const bad of ["turn:10.0.0.1:22", "turn:meet.example.evil.example", "turn:evil.example?x=meet.example", "turn:evil.example#meet.example",
    "turn:meet.example@10.0.0.1", "javascript:x", "turn:", "turn://meet.example", "http://meet.example", 5, null]) assert.deepEqual(urls([bad]), [], bad);
  assert.deepEqual(urls(["turn:[::1]:7077"], "ws://[::1]:7077/ws"), ["turn:[::1]:7077"]);
  assert.deepEqual(urls(["turn:127.0.0.1:7077"], "ws://127.0.0.1:7077/ws"), ["turn:127.0.0.1:7077"]);
  for (const bad of [null, 5, [null], [{}], [{ urls: "turn:meet.example" }]]) assert.deepEqual(iceServers(bad, "wss://meet.example/ws"), []);
});
