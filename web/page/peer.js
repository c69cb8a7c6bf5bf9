// The state machine of one other person: what we believe of the connection and
// what is being done about it. It is pure: no clock, timer or promise; every
// input takes the time in ms and leaves actions in #out. It is the machine of
// the terminal program (rtc/peer.go, negotiate.go, repair.go), state for state.
//
// A time of 0 stands for never. Peer-connections are numbered by epoch; what
// comes back from a replaced one is dropped.

import { negotiation } from "./negotiate.js";
import { repair } from "./repair.js";

export class Peer {
  name;
  inc = 0; // their process; a higher one replaces a lower
  reachable = false; // signaling reaches them, by the server or a third peer
  state = "new";
  previous = "new";
  ice = "new";
  met = false; // was connected once
  heard = 0; // evidence of life of the current session
  answered = 0;
  outage = 0; // when the last sign of life before this outage came
  kept = false; // gone, and its silent connection is only glanced at
  oneWay = false;

  // What both sides have agreed on for the current epoch.
  epoch = 0; // ours; 0 without a session
  remote = 0; // theirs, the highest seen of their process
  up = false; // ICE and DTLS were connected once in this epoch
  n = 0; // of the newest offer, whoever made it
  gen = 0; // and its ICE generation
  making = false; // our session is preparing the offer
  offer = null;
  answer = null;
  applied = false; // the peer's description of gen is set
  local = []; // our candidates of gen, kept to be sent again
  done = false;
  early = []; // candidates ahead of their description
  taken = 0;

  // The ladder.
  phase = "settled"; // settled, holding, backoff, asking, mending, resting
  at = 0; // deadline of the phase
  attempt = 0; // spent in a row
  exhausted = false;
  troubledAt = 0; // evidence must be newer than this to count as mended
  announced = 0;
  probe = 0; // number of the last probe
  wish = false; // that probe is for an ICE restart; else for a new connection
  doubt = 0; // number of a probe sent to learn whether a need still holds
  gaveUpAt = -Infinity; // when a connection was last given up for another
  goneAt = 0; // when our end of the path in use was found to be gone; 0 while it is there
  owed = false; // a need came too soon after the last repair: it is served when spacing is over

  #out = [];

  // epochs hands out numbers, each once: {last: 0}, shared by all pairs.
  constructor(now, self, id, timing, epochs) {
    this.id = id;
    this.name = id;
    this.offers = self > id; // the larger id makes every offer of the pair
    this.timing = timing;
    this.epochs = epochs;
    this.since = now;
  }

  // take returns what is to be done and forgets it.
  take() {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  act(action) { this.#out.push(action); }
  send(body) { this.act({ act: "send", body }); }
  command(cmd) { this.act({ act: "do", epoch: this.epoch, cmd }); }
  emit(name, fields = {}) {
    this.act({ act: "emit", event: { event: name, peer: this.id, name: this.name, ...fields } });
  }

  get connected() { return this.state === "connected"; }
  get unsettled() { return this.phase !== "settled"; }

  // pathGone: the path in use is known to be gone. Until something replaces it,
  // or the other side follows us, hearing something proves nothing: whoever
  // answers a check from our new address may still send to the old one.
  get pathGone() { return this.goneAt !== 0; }

  // present says that the server lists the peer's process inc.
  present(now, inc) {
    const replaced = this.inc !== 0 && inc > this.inc;
    this.inc = Math.max(this.inc, inc);
    if (!replaced) return;
    // Every agreement with the old process is void.
    this.lose(now);
    this.drop();
    this.remote = 0;
    this.early = [];
    this.startAfresh(now, 0);
  }

  // reach says whether signaling gets through to the peer at present.
  reach(now, reachable) {
    if (this.reachable === reachable) return;
    this.reachable = reachable;
    if (!reachable) {
      if (this.unsettled) this.hold();
      return;
    }
    this.resync();
    this.recheck(now);
  }

  // hear takes the latest evidence of life of the current session.
  hear(now, pulse) {
    if (this.epoch === 0) return;
    this.heard = Math.max(this.heard, pulse.heard);
    this.answered = Math.max(this.answered, pulse.answered);
    this.judge(now);
  }

  // judge compares the evidence of life with the clock and moves the state.
  judge(now) {
    if (!this.up) {
      // A rebuild that takes longer than people should not notice.
      if (this.connected && now >= this.outage + this.timing.silence) this.lose(now);
      return;
    }
    const hears = this.hears(now);
    const answered = now - this.answered < this.timing.unanswered;
    this.oneWay = hears && !answered;
    if (!hears && this.connected) {
      this.outage = this.heard;
      this.lose(now);
      this.startAfresh(now, this.timing.backoff[0]);
    } else if (hears && answered && this.#recovered(now)) {
      this.heal(now);
    } else if (this.oneWay && this.connected && !this.unsettled) {
      this.startAfresh(now, 0);
    }
  }

  // #recovered: what is heard is newer than the trouble.
  #recovered(now) {
    if (this.phase === "settled" && this.connected) return false;
    if (this.pathGone && now - this.goneAt < this.timing.grace) return false; // the other side has had no time to follow us
    return this.heard > this.troubledAt && this.answered > this.troubledAt;
  }

  // lose marks a connected peer as disconnected; others are still connecting.
  lose(now) {
    if (!this.connected) return;
    if (!this.outage) this.outage = now;
    this.announced = 0;
    this.enter(now, "disconnected");
    this.emit("peer-disconnected");
  }

  // heal marks the peer as connected and ends all repair.
  heal(now) {
    const was = this.state, outage = this.outage;
    // Nothing was replaced: whatever was being tried, the path is the old one.
    const attempts = this.gaveUpAt < outage ? 0 : this.attempt;
    this.settle();
    this.oneWay = false;
    this.outage = 0;
    if (was === "connected") return;
    this.enter(now, "connected");
    this.emit("peer-connected");
    if (this.met && outage) this.emit("reconnected", { attempts, outage: now - outage });
    this.met = true;
  }

  // leave ends the peer for good.
  leave(now) {
    if (this.connected) this.emit("peer-disconnected");
    this.settle();
    this.drop();
    this.enter(now, "closed");
  }

  enter(now, state) {
    if (this.state === state) return;
    this.previous = this.state;
    this.state = state;
    this.since = now;
    this.emit("connection-state-changed", { state, previous: this.previous });
  }

  // iceChanged records the browser's view, which is shown but decides nothing.
  iceChanged(state) {
    if (this.ice === state) return;
    const previous = this.ice;
    this.ice = state;
    this.emit("ice-connection-state-changed", { state, previous });
  }

  // wakeAt is when the machine next has something to do; 0 is never.
  wakeAt(now) {
    const times = [];
    if (this.unsettled && this.at) times.push(this.at);
    if (this.epoch !== 0) {
      if (!this.up) {
        if (this.connected) times.push(this.outage + this.timing.silence);
      } else if (this.connected && !this.unsettled && !this.oneWay) {
        times.push(this.heard + this.timing.silence, this.answered + this.timing.unanswered);
      } else {
        times.push(now + (this.kept ? this.timing.glance : this.timing.poll));
      }
    }
    if (this.owed) times.push(this.gaveUpAt + this.timing.spacing);
    return times.length ? Math.min(...times) : 0;
  }

  // tick does what is due; hear with a fresh pulse goes before it.
  tick(now) {
    if (this.epoch !== 0) this.judge(now);
    if (this.unsettled && this.at && now >= this.at) this.due(now);
    if (this.owed && now >= this.gaveUpAt + this.timing.spacing) {
      this.owed = false;
      this.onNeed(now, { k: "need", ep: this.remote, rep: this.epoch, restart: true, gone: false });
    }
  }
}

Object.assign(Peer.prototype, negotiation, repair);
