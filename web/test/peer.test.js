// The machine by timelines to the millisecond: the same as the terminal's.
import assert from "node:assert/strict";
import test from "node:test";
import { Peer } from "../page/peer.js";
import { Starvation } from "../page/starved.js";
import { timing } from "../page/timing.js";

const start = 1000; // a time of 0 stands for never

// machine is a peer with what it did: the offering side when we are "z".
function machine(self, other) {
  const p = new Peer(start, self, other, timing, { last: 0 });
  const did = [];
  const m = {
    p, did, now: start,
    // do gives an input and notes what came of it.
    do(f) {
      f(p, m.now);
      for (const a of p.take()) did.push(a);
      return m;
    },
    // pass lets time go by, with or without signs of life.
    pass(ms, alive = false) {
      for (const end = m.now + ms; m.now < end;) {
        m.now += 10;
        if (alive && p.epoch) p.hear(m.now, { heard: m.now, answered: m.now });
        p.tick(m.now);
        for (const a of p.take()) did.push(a);
        assert.ok(p.attempt <= 3, "never more than three attempts in a row");
        assert.ok(!p.unsettled || p.phase === "holding" || p.wakeAt(m.now) > 0, "never unsettled without a wake-up");
      }
      return m;
    },
    events: () => did.filter((a) => a.act === "emit").map((a) => a.event),
    names: () => m.events().map((e) => e.event).filter((n) => !n.includes("state-changed")),
    sent: () => did.filter((a) => a.act === "send").map((a) => a.body.k),
    commands: () => did.filter((a) => a.act === "do").map((a) => a.cmd.do + (a.cmd.restart ? " restart" : "")),
    clear: () => {
      did.length = 0;
      return m;
    },
  };
  return m;
}

const here = (p, now) => {
  p.present(now, 1);
  p.reach(now, true);
};
const offered = (p, now) => p.session(now, p.epoch, { on: "offer", n: p.n, gen: p.gen, restart: p.n > 1, sdp: "o" });
const answered = (ep) => (p, now) => p.message(now, { k: "answer", ep, rep: p.epoch, n: p.n, g: p.gen, sdp: "a" });
const up = (p, now) => p.session(now, p.epoch, { on: "connected" });

// connected is the offering side, connected.
function connected() {
  return machine("z", "a").do(here).do(offered).do(answered(4)).do(up);
}

test("the larger id offers, the other waits and then asks", () => {
  assert.deepEqual(machine("z", "a").do(here).commands(), ["offer"]);
  const m = machine("a", "z").do(here);
  assert.deepEqual(m.sent(), []);
  assert.deepEqual(m.pass(2990).sent(), []);
  m.pass(10); // the first attempt's wait is over: the backoff begins
  assert.equal(m.p.phase, "backoff");
  assert.deepEqual(m.pass(1000).sent(), ["need"]);
});

test("the first connect is no reconnect", () => {
  const m = connected();
  assert.equal(m.p.state, "connected");
  assert.deepEqual(m.names(), ["peer-connected"]);
});

test("a silence of 2 s is an outage; a path that heals by itself costs no attempt", () => {
  const m = connected().pass(5000, true).clear().pass(1990);
  assert.equal(m.p.state, "connected");
  m.pass(10);
  assert.equal(m.p.state, "disconnected");
  assert.deepEqual(m.names(), ["peer-disconnected", "reconnecting"]);
  m.pass(500).pass(20, true);
  assert.equal(m.p.state, "connected");
  const back = m.events().find((e) => e.event === "reconnected");
  assert.equal(back.attempts, 0);
  assert.equal(back.outage, 2510);
});

test("the ladder: probe, two restarts, a rebuild, failed, and a slow retry", () => {
  const m = connected().clear().pass(2000);
  const react = () => {
    m.do((p, now) => p.message(now, { k: "ack", ep: p.remote, rep: p.epoch, n: p.probe }));
    m.do(offered).do(answered(4));
  };
  m.pass(1000);
  assert.deepEqual(m.sent(), ["probe"], "nothing is given up before the other side reacted");
  react();
  assert.deepEqual(m.commands(), ["offer restart", "accept-answer"]);
  m.pass(5000 + 2000);
  react();
  assert.deepEqual(m.commands().filter((c) => c.startsWith("offer")), ["offer restart", "offer restart"]);
  m.pass(5000 + 4000);
  react();
  assert.equal(m.commands().filter((c) => c.startsWith("offer")).at(-1), "offer", "the third replaces the connection");
  m.pass(5000);
  assert.equal(m.p.state, "failed");
  assert.deepEqual(m.names(), ["peer-disconnected", "reconnecting", "reconnecting", "reconnecting", "peer-connection-failed", "reconnect-failed"]);
  m.clear().pass(15000);
  assert.deepEqual(m.commands(), ["offer"], "and again, slowly");
  m.do(offered).do(answered(5)).do(up);
  assert.equal(m.p.state, "connected");
});

test("offline time burns no attempts", () => {
  const m = connected().clear().pass(2000).do((p, now) => p.reach(now, false)).pass(120000);
  assert.equal(m.p.state, "disconnected");
  assert.equal(m.p.attempt, 0);
  assert.deepEqual(m.sent(), []);
  m.do((p, now) => p.reach(now, true)).pass(300);
  assert.deepEqual(m.sent(), ["probe"], "after the grace of a path that may heal alone");
});

test("what belongs to a replaced connection is dropped", () => {
  const m = connected();
  const old = m.p.epoch;
  m.do((p, now) => p.session(now, p.epoch, { on: "failed" })).pass(100);
  assert.notEqual(m.p.epoch, old);
  m.clear().do((p, now) => p.session(now, old, { on: "connected" })).do((p, now) => p.message(now, { k: "answer", ep: 4, rep: old, n: 1, g: 1, sdp: "a" }));
  assert.deepEqual(m.did, []);
});

test("candidates wait for their description, of their generation", () => {
  const m = machine("a", "z").do(here);
  const cand = (g, c) => (p, now) => p.message(now, { k: "cand", ep: 7, rep: 0, g, cands: [c], done: false });
  m.do(cand(1, "one")).do(cand(2, "two"));
  assert.deepEqual(m.commands(), []);
  m.do((p, now) => p.message(now, { k: "offer", ep: 7, rep: 0, n: 1, g: 1, sdp: "o" }));
  assert.deepEqual(m.commands(), ["accept-offer", "candidates"]);
  assert.equal(m.p.early.length, 1);
  m.do((p, now) => p.message(now, { k: "offer", ep: 7, rep: 0, n: 2, g: 2, restart: true, sdp: "o" }));
  assert.deepEqual(m.did.filter((a) => a.cmd?.do === "candidates").map((a) => a.cmd.cands[0]), ["one", "two"]);
  m.clear().do(cand(1, "late"));
  assert.deepEqual(m.commands(), []);
});

test("no more than 64 candidates of a generation are tried", () => {
  const m = connected().clear();
  for (let i = 0; i < 10; i++) m.do((p, now) => p.message(now, { k: "cand", ep: 4, rep: p.epoch, g: 1, cands: Array(20).fill("c"), done: false }));
  assert.equal(m.did.reduce((n, a) => n + a.cmd.cands.length, 0), 64);
});

test("the same offer is answered by the same answer", () => {
  const m = machine("a", "z").do(here);
  const offer = (p, now) => p.message(now, { k: "offer", ep: 7, rep: 0, n: 1, g: 1, sdp: "o" });
  m.do(offer).do((p, now) => p.session(now, p.epoch, { on: "answer", n: 1, gen: 1, sdp: "a" })).clear().do(offer);
  assert.deepEqual(m.sent(), ["answer"]);
  assert.deepEqual(m.commands(), []);
});

test("a need for a path that works is doubted", () => {
  const m = connected().pass(3000, true).clear();
  const need = (p, now) => p.message(now, { k: "need", ep: 4, rep: p.epoch, restart: true });
  m.do(need);
  assert.deepEqual(m.sent(), ["probe"]);
  m.do((p, now) => p.message(now, { k: "ack", ep: 4, rep: p.epoch, n: p.probe, silent: false }));
  assert.deepEqual(m.commands(), []);
  m.do(need).do((p, now) => p.message(now, { k: "ack", ep: 4, rep: p.epoch, n: p.probe, silent: true }));
  assert.deepEqual(m.commands(), ["offer restart"]);
});

test("a new process of the same person voids everything", () => {
  const m = connected().clear().do((p, now) => p.present(now, 2));
  assert.equal(m.p.epoch, 0);
  assert.equal(m.p.remote, 0);
  m.pass(10);
  assert.deepEqual(m.commands(), ["offer"]);
});

test("a changed network starts afresh, and leaving is the end", () => {
  const m = connected().pass(1000, true).clear().do((p, now) => p.moved(now, true));
  assert.deepEqual(m.pass(300).sent(), ["probe"]);
  m.clear().do((p, now) => p.leave(now));
  assert.equal(m.p.state, "closed");
  assert.equal(m.pass(60000).sent().length, 0);
});

test("heard but not answered is one-way", () => {
  const m = connected().clear();
  for (let i = 0; i < 700 && !m.p.oneWay; i++) {
    m.now += 10;
    m.do((p, now) => p.hear(now, { heard: now, answered: 0 })).do((p, now) => p.tick(now));
  }
  assert.equal(m.now, start + timing.unanswered);
  assert.equal(m.p.state, "connected");
  assert.deepEqual(m.sent(), ["probe"]);
});

test("random lives keep the rules", () => {
  let seed = 12345;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor(seed / 65536) % n;
  };
  for (let life = 0; life < 150; life++) {
    const m = random(2) ? machine("z", "a") : machine("a", "z");
    let epoch = 0, inc = 1;
    const small = () => random(5);
    const inputs = [
      () => m.do((p, now) => p.present(now, inc += random(20) === 0 ? 1 : 0)), () => m.do((p, now) => p.reach(now, random(3) > 0)),
      () => m.do((p, now) => p.session(now, p.epoch, { on: ["offer", "answer", "candidates", "connected", "failed", "ice"][random(6)], n: p.n, gen: p.gen, sdp: "s", cands: ["c"], done: false, state: "checking", restart: false })),
      () => m.do((p, now) => p.message(now, { k: ["offer", "answer", "cand", "need", "probe", "ack"][random(6)], ep: small(), rep: random(2) ? p.epoch : small(), n: random(2) ? p.n : small(), g: small(), sdp: "s", cands: ["c"], done: false, restart: random(2) === 0, silent: random(2) === 0 })),
      () => m.do((p, now) => p.moved(now, random(2) === 0)), () => m.do((p, now) => p.retry(now)), () => m.do((p, now) => p.starved(now)),
      () => m.pass(random(400) * 10, random(2) === 0),
    ];
    for (let i = 0; i < 80; i++) {
      inputs[random(inputs.length)]();
      assert.ok(m.p.epochs.last >= epoch, "epochs never go back");
      epoch = m.p.epochs.last;
    }
  }
});

test("starvation: three reports of packets that never come", () => {
  const s = new Starvation();
  const missing = [0, 1000, 2000, 3000].map((now, i) => s.report(now + 1, [50 * i, 0, 0], [0, 0, 0]));
  assert.deepEqual(missing, [[], [], [], ["mic"]]);
  assert.deepEqual(s.report(4001, [200, 0, 0], [1, 0, 0]), [], "one that came is enough");
  const cut = new Starvation();
  for (let i = 0; i < 10; i++) assert.deepEqual(cut.report(5000 + i, [50 * i, 0, 0], [0, 0, 0]), [], "a cut's reports come at once");
  assert.deepEqual(new Starvation().report(1, [0, 9, 9], [0, 0, 0]), []);
});
