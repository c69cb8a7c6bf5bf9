// Offers, answers and candidates (rtc/negotiate.go). One side of a pair, the
// larger id, makes every offer, so two offers never cross; the other sends
// "need". Messages name the sender's epoch and the receiver's.

import { rules } from "./rules.js";

const maxCandidates = rules.maxGeneration;

// negotiation is mixed into Peer.
export const negotiation = {
  // rebuild replaces the connection by a new one and offers it.
  rebuild(now) {
    this.open(now);
    this.n = 1;
    this.gen = 1;
    this.making = true;
    this.command({ do: "offer", n: 1, gen: 1, restart: false });
    this.wait("mending", now + this.timing.mend);
  },

  // restart keeps the connection and negotiates new ICE credentials.
  restart(now) {
    this.n++;
    this.nextGeneration(this.gen + 1);
    this.making = true;
    this.gaveUpAt = now;
    this.troubledAt = now;
    this.goneAt = 0;
    this.command({ do: "offer", n: this.n, gen: this.gen, restart: true });
    this.wait("mending", now + this.timing.mend);
  },

  // open drops the current session, if any, and dials one of a new epoch.
  open(now) {
    if (this.connected && !this.outage) this.outage = this.lastSign(now);
    this.drop();
    this.epoch = ++this.epochs.last;
    this.gaveUpAt = now;
    this.troubledAt = now;
    this.act({ act: "dial", epoch: this.epoch });
    this.iceChanged("new");
  },

  // drop closes the session. What the peer is known to have reached (remote)
  // stays, so that its older messages remain recognisable.
  drop() {
    if (this.epoch === 0) return;
    this.act({ act: "hangup", epoch: this.epoch });
    this.iceChanged("closed");
    this.epoch = 0;
    this.up = false;
    this.n = 0;
    this.goneAt = 0;
    this.owed = false;
    this.heard = 0;
    this.answered = 0;
    this.nextGeneration(0);
  },

  // nextGeneration begins an ICE generation: what belonged to the one before
  // is void.
  nextGeneration(gen) {
    this.gen = gen;
    this.making = false;
    this.applied = false;
    this.offer = null;
    this.answer = null;
    this.local = [];
    this.done = false;
    this.taken = 0;
  },

  // message takes a body that the peer sent through signaling.
  message(now, b) {
    switch (b.k) {
      case "offer": this.onOffer(now, b); break;
      case "answer": this.onAnswer(now, b); break;
      case "cand": this.onCandidates(b); break;
      case "need": this.onNeed(now, b); break;
      case "probe":
        this.send({ k: "ack", ep: this.epoch, rep: this.remote, n: b.n, silent: !this.hears(now) || this.pathGone });
        break;
      case "ack": this.onProbeAck(now, b); break;
    }
  },

  onOffer(now, o) {
    if (this.offers || o.ep < this.remote || o.ep === 0 || o.n === 0) return;
    if (o.ep > this.remote) {
      this.remote = o.ep;
      this.open(now);
      if (this.state === "new") this.enter(now, "connecting");
    }
    if (this.epoch === 0) { // our end of it failed: only a new epoch helps
      this.send(this.need(false));
      return;
    }
    if (o.n === this.n) {
      this.resync();
      return;
    }
    if (o.n < this.n) return;
    this.n = o.n;
    this.nextGeneration(o.g);
    if (o.restart) {
      this.gaveUpAt = now;
      this.troubledAt = now;
      this.goneAt = 0;
    }
    this.command({ do: "accept-offer", n: o.n, gen: o.g, sdp: o.sdp });
    this.applied = true;
    this.passEarly();
    if (this.phase === "settled" || this.phase === "holding") this.attempt = Math.max(this.attempt, 1);
    this.wait("mending", now + this.timing.mend);
  },

  onAnswer(now, a) {
    if (!this.offers || !this.offer || a.rep !== this.epoch || a.n !== this.n || a.ep === 0) return;
    if (this.remote !== 0 && a.ep !== this.remote && this.up) {
      // They answer our old connection with a new one of theirs: DTLS would
      // hang without an error.
      this.rebuild(now);
      return;
    }
    this.remote = a.ep;
    this.offer = null;
    this.applied = true;
    this.command({ do: "accept-answer", n: a.n, gen: a.g, sdp: a.sdp });
    this.passEarly();
  },

  // onCandidates passes candidates of the current generation on, keeps those
  // ahead of their description, and drops the rest.
  onCandidates(c) {
    if (this.offers && c.rep !== this.epoch) return;
    const ahead = c.ep > this.remote ||
      (c.ep === this.remote && (c.g > this.gen || (c.g === this.gen && !this.applied)));
    if (ahead) {
      const kept = this.early.reduce((n, e) => n + e.cands.length, 0);
      if (kept + c.cands.length <= maxCandidates && this.early.length < maxCandidates) this.early.push(c);
    } else if (c.ep === this.remote && c.g === this.gen && this.epoch !== 0) {
      this.pass(c);
    }
  },

  pass(c) {
    const cands = c.cands.slice(0, maxCandidates - this.taken);
    this.taken += cands.length;
    if (cands.length || c.done) this.command({ do: "candidates", cands, done: c.done });
  },

  passEarly() {
    const waiting = this.early;
    this.early = [];
    for (const c of waiting) this.onCandidates(c);
  },

  // onNeed serves a peer that cannot offer itself.
  onNeed(now, need) {
    if (!this.offers || this.making) return;
    if (this.offer) {
      this.resync();
      return;
    }
    if (need.rep !== 0 && need.rep < this.epoch) return; // asked before they saw the present connection
    if (this.epoch !== 0 && now - this.gaveUpAt < this.timing.spacing) {
      // Just done. If it does not help, or the path has gone once more, that
      // holds in a moment as well.
      this.owed = this.up && need.restart && this.current(need);
      return;
    }
    if (!this.up) {
      this.attempt = Math.max(this.attempt, 1);
      this.rebuild(now);
      return;
    }
    if (need.gone && need.restart && this.current(need)) {
      // They know, and have just said so through signaling: there is nothing
      // left to ask for.
      this.attempt = Math.max(this.attempt, 1);
      this.mend(now, !this.timing.replaceMoved);
      return;
    }
    // They asked while the path was broken, and the message may have waited as
    // long as the path: ask how it is now, before anything is given up.
    this.wish = need.restart && this.current(need);
    this.probe++;
    this.send(this.probeBody());
    if (this.phase === "settled") {
      this.doubt = this.probe;
      return;
    }
    this.attempt = Math.max(this.attempt, 1);
    this.wait("asking", now + this.timing.ask);
  },

  // onProbeAck acts on the other side's word of this moment. A path that
  // carries again is not given up, whatever was asked for while it did not.
  onProbeAck(now, a) {
    if (!this.offers || a.n !== this.probe) return;
    const agrees = a.rep === this.epoch && a.ep === this.remote;
    const doubt = this.doubt !== 0 && a.n === this.doubt;
    this.doubt = 0;
    if (this.phase === "asking") {
      if (agrees && !a.silent && !this.pathGone && this.heard > this.troubledAt) {
        this.wait("asking", now + this.timing.grace); // it is healing by itself
      } else {
        this.mend(now, this.wish && agrees);
      }
    } else if (doubt && this.phase === "settled" && (a.silent || !agrees || !this.wish)) {
      this.attempt = 1;
      this.mend(now, this.wish && agrees);
    }
  },

  // current: the need is about the connection of this moment.
  current(need) { return need.rep === this.epoch && need.ep === this.remote; },

  need(restart) { return { k: "need", ep: this.epoch, rep: this.remote, restart, gone: restart && this.pathGone }; },
  probeBody() { return { k: "probe", ep: this.epoch, rep: this.remote, n: this.probe }; },

  // resync sends again what the peer may have missed: the offer until it is
  // answered, the answer while it is the newest, all candidates with them.
  resync() {
    const description = this.offer ?? this.answer;
    if (!description) return;
    this.send(description);
    if (this.local.length || this.done) this.send(this.candidates(this.local, this.done));
  },

  candidates(cands, done) {
    return { k: "cand", ep: this.epoch, rep: this.remote, g: this.gen, cands: [...cands], done };
  },

  // session takes an event of the session of an epoch.
  session(now, epoch, e) {
    if (epoch !== this.epoch || epoch === 0) return; // of a connection that was replaced
    switch (e.on) {
      case "offer":
        if (this.making && e.n === this.n) {
          this.making = false;
          this.offer = { k: "offer", ep: this.epoch, rep: this.remote, n: e.n, g: e.gen, restart: e.restart, sdp: e.sdp };
          this.send(this.offer);
        }
        break;
      case "answer":
        if (e.n === this.n) {
          this.answer = { k: "answer", ep: this.epoch, rep: this.remote, n: e.n, g: e.gen, sdp: e.sdp };
          this.send(this.answer);
        }
        break;
      case "candidates":
        if (e.gen === this.gen) {
          this.local.push(...e.cands);
          this.done ||= e.done;
          this.send(this.candidates(e.cands, e.done));
        }
        break;
      case "ice": this.iceChanged(e.state); break;
      case "connected": // success, and the only one a new connection can have
        this.up = true;
        this.heard = now;
        this.answered = now;
        this.heal(now);
        break;
      case "failed": this.sessionFailed(now); break;
    }
  },

  // sessionFailed gives the session up: after an error of SDP or DTLS nothing
  // but a new one helps.
  sessionFailed(now) {
    if (this.connected && !this.outage) this.outage = this.lastSign(now);
    this.lose(now);
    this.drop();
    if (this.phase === "mending") this.attemptFailed(now);
    else if (this.phase === "settled") this.startAfresh(now, 0);
  },
};
