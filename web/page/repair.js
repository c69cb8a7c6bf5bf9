// The ladder that mends a peer: wait, ICE restart, rebuild (rtc/repair.go). An
// attempt is spent only while signaling reaches the peer, and a path is given
// up only after the other side has just answered through signaling.

import { rules } from "./rules.js";

// repair is mixed into Peer.
export const repair = {
  // settle ends all repair: counters and timers are cleared.
  settle() {
    this.phase = "settled";
    this.at = 0;
    this.attempt = 0;
    this.exhausted = false;
    this.announced = 0;
    this.goneAt = 0;
    this.owed = false;
  },

  // grace is how long a path gets to heal alone before an attempt is spent on
  // it: none when it is known to be gone.
  grace() { return this.pathGone ? 0 : this.timing.grace; },

  // recheck starts afresh with a peer that can be talked to again, and begins
  // the first connection of one that is new.
  recheck(now) {
    if (!this.reachable) return;
    if (this.epoch === 0 && this.phase === "settled") {
      this.begin(now);
    } else if (this.phase === "mending" && !this.pathGone) {
      // it has a deadline of its own
    } else if (this.unsettled || this.state === "failed") {
      this.startAfresh(now, this.grace());
    }
  },

  // stuck is what must never be: a peer that could be talked to, is not connected,
  // and for whom nothing will ever be tried.
  get stuck() {
    return this.reachable && !this.connected && this.state !== "closed" &&
      (this.phase === "settled" || this.phase === "holding" || this.at === 0);
  },

  // startAfresh forgets earlier attempts and schedules the first one.
  startAfresh(now, delay) {
    this.attempt = 0;
    this.exhausted = false;
    this.troubledAt = this.lastSign(now);
    if (this.state === "failed") this.enter(now, this.met ? "disconnected" : "connecting");
    this.schedule(now, delay);
  },

  // lastSign is the newest moment whose evidence belongs to the trouble.
  lastSign(now) {
    if (!this.up) return now;
    return this.oneWay ? this.answered : this.heard;
  },

  // begin connects a peer for the first time.
  begin(now) {
    this.enter(now, "connecting");
    this.troubledAt = now;
    if (this.offers) {
      this.attempt = 1;
      this.rebuild(now);
      return;
    }
    this.wait("asking", now + this.timing.await);
  },

  wait(phase, until) {
    this.phase = phase;
    this.at = until;
  },

  // schedule announces the next attempt, or holds it.
  schedule(now, delay) {
    if (!this.reachable) {
      this.hold();
      return;
    }
    this.wait("backoff", now + delay);
    if (!this.hears(now)) this.announce(this.attempt + 1, delay);
  },

  // announce tells people of an attempt, once.
  announce(attempt, delay) {
    if (this.state !== "disconnected" || this.announced === attempt) return;
    this.announced = attempt;
    this.emit("reconnecting", { attempt, of: this.timing.backoff.length, delay });
  },

  // hold stops the clock of the repair: offline time burns no attempts, and the
  // trouble is remembered until the peer can be reached. A connection being
  // mended goes on; ICE needs no signaling any more.
  hold() {
    if (this.phase === "mending") return;
    this.phase = "holding";
    this.at = 0;
    this.attempt = 0;
  },

  due(now) {
    switch (this.phase) {
      case "settled": case "holding": this.at = 0; break;
      case "backoff": case "resting": this.try(now); break;
      case "asking": case "mending": this.attemptFailed(now); break;
    }
  },

  // try begins one attempt.
  try(now) {
    if (!this.reachable) {
      this.hold();
      return;
    }
    if (!this.exhausted) {
      this.attempt++;
      this.announce(this.attempt, 0);
    }
    this.announced = 0;
    if (!this.offers) {
      this.send(this.need(this.mayRestart()));
      this.wait("asking", now + this.timing.await);
      return;
    }
    if (!this.up) {
      this.rebuild(now); // nothing that could heal by itself is given up
      return;
    }
    this.probe++;
    this.wish = this.mayRestart();
    this.send(this.probeBody());
    this.wait("asking", now + this.timing.ask);
  },

  mayRestart() { return this.up && !this.exhausted && this.attempt <= rules.restartsBeforeRebuild; },

  // mend carries the attempt out, now that the other side has reacted. A
  // connection that is gone meanwhile cannot be restarted, nor one whose last
  // offer was never answered.
  mend(now, restart) {
    if (restart && this.up && !this.offer) this.restart(now);
    else this.rebuild(now);
  },

  // attemptFailed ends an attempt: the next one, or failed and rest.
  attemptFailed(now) {
    if (!this.reachable) {
      this.phase = "backoff"; // leave mending, so that hold applies
      this.hold();
      return;
    }
    if (this.attempt < this.timing.backoff.length && !this.exhausted) {
      this.schedule(now, this.timing.backoff[this.attempt]);
      return;
    }
    if (!this.exhausted) {
      this.exhausted = true;
      this.lose(now); // one-way trouble that nothing helped
      this.enter(now, "failed");
      this.emit("peer-connection-failed");
      if (this.met) this.emit("reconnect-failed", { attempts: this.attempt });
    }
    this.wait("resting", now + this.timing.rest);
  },

  // hears: something was heard of the peer lately.
  hears(now) { return this.up && now - this.heard < this.timing.silence; },

  // retry is a person's wish to try now.
  retry(now) {
    if ((this.connected && this.phase === "settled") || this.state === "closed") return;
    this.startAfresh(now, 0);
  },

  // moved says that our network changed, or that we slept, and what that means
  // for the path in use: "kept" (it may be what it was), "doubted" (we slept:
  // nobody knows) or "lost" (its packets left from an address that we no longer
  // have).
  moved(now, path) {
    if (this.state === "closed") return;
    if (path === "lost" && this.epoch !== 0) {
      this.goneAt = now;
      this.startAfresh(now, 0);
      this.troubledAt = now;
    } else if (path !== "kept") {
      this.startAfresh(now, this.timing.grace);
      this.troubledAt = now;
    } else if (this.unsettled) {
      this.startAfresh(now, this.grace());
    }
  },

  // starved says that the connection is up and does not carry what it should:
  // only a new one is likely to.
  starved(now) {
    if (!this.connected || this.phase !== "settled" || !this.reachable) return;
    this.attempt = 1;
    if (this.offers) {
      this.rebuild(now);
      return;
    }
    this.send(this.need(false));
    this.wait("asking", now + this.timing.await);
    this.troubledAt = now + this.timing.await; // being heard is not what is wrong
  },

  // repairView is what a person is told of the repair.
  repairView() {
    const v = { attempt: 0, of: this.timing.backoff.length, nextAt: 0, waiting: false };
    if (this.connected) return { ...v, of: 0 };
    switch (this.phase) {
      case "holding": v.waiting = true; break;
      case "backoff": v.attempt = this.attempt + 1; v.nextAt = this.at; break;
      case "asking": case "mending": v.attempt = this.attempt; break;
      case "resting": v.attempt = this.attempt; v.nextAt = this.at; break;
    }
    return v;
  },
};
