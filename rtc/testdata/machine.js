// What the tests of package rtc drive the page's peer machine by: inputs and
// actions are JSON, times are ms since the start of a timeline, null is never.
import { Peer } from "./peer.js";
import { readBody, writeBody } from "./seal.js";
import { Starvation } from "./starved.js";
import { rules as timing } from "./rules.js";

// The machine takes 0 for never, so its clock starts late.
const start = 1e9;
const machines = new Map();

const when = (t) => (t > 0 && Number.isFinite(t) ? t - start : null);

globalThis.make = (handle, self, peer, at) => {
  machines.set(handle, new Peer(start + at, self, peer, timing, { last: 0 }));
};

// step gives a machine an input and returns what it does and what it believes
// afterwards.
globalThis.step = (handle, at, text) => JSON.stringify(give(machines.get(handle), start + at, JSON.parse(text)));

// play gives a new machine a whole script, and returns the same for each input.
globalThis.play = (self, peer, text) => {
  const p = new Peer(start, self, peer, timing, { last: 0 });
  return JSON.stringify(JSON.parse(text).map((m) => give(p, start + m.at, m.in)));
};

// starve gives the counters of reports and returns what is missing after each.
globalThis.starve = (text) => {
  const s = new Starvation();
  return JSON.stringify(JSON.parse(text).map((r) => s.report(start + r.at, r.sent, r.got)));
};

function give(p, now, in_) {
  switch (in_.in) {
    case "present": p.present(now, in_.inc); break;
    case "reach": p.reach(now, in_.on); break;
    case "hear": p.hear(now, { heard: pulse(in_.heard), answered: pulse(in_.answered) }); break;
    case "message": p.message(now, readBody(JSON.stringify({ c: 1, ...in_.body }))); break;
    case "session": p.session(now, in_.epoch, in_.event); break;
    case "moved": p.moved(now, in_.path); break;
    case "retry": p.retry(now); break;
    case "starved": p.starved(now); break;
    case "resync": p.resync(); break;
    case "tick": p.tick(now); break;
    case "leave": p.leave(now); break;
    case "look": break;
    default: throw new Error(`no input ${in_.in}`);
  }
  return { actions: p.take().map(action), dump: dump(p, now) };
}

const pulse = (t) => (t === null ? 0 : start + t);

// action is one as it leaves the machine: messages as they are sealed, events
// without whose they are.
function action(a) {
  if (a.act === "send") {
    const { c, ...body } = JSON.parse(writeBody(1, a.body));
    return { act: "send", body };
  }
  if (a.act !== "emit") return a;
  const { peer, name, ...event } = a.event;
  return { act: "emit", event };
}

// dump is all that the machine believes.
function dump(p, now) {
  const wake = p.wakeAt(now);
  return {
    state: p.state, previous: p.previous, since: when(p.since), ice: p.ice, met: p.met, oneWay: p.oneWay,
    inc: p.inc, reachable: p.reachable, heard: when(p.heard), answered: when(p.answered), outage: when(p.outage),
    epoch: p.epoch, remote: p.remote, up: p.up, n: p.n, gen: p.gen, making: p.making,
    offer: p.offer !== null, answer: p.answer !== null, applied: p.applied,
    local: p.local.length, done: p.done, early: p.early.length, taken: p.taken,
    phase: p.phase, at: when(p.at), attempt: p.attempt, exhausted: p.exhausted, troubledAt: when(p.troubledAt),
    announced: p.announced, probe: p.probe, wish: p.wish, doubt: p.doubt, gaveUpAt: when(p.gaveUpAt),
    goneAt: when(p.goneAt), owed: p.owed,
    wake: when(wake), hears: p.hears(now),
  };
}
