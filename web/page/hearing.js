// Who hears whom (call/hearing.go of the terminal program): sound that is sent and
// does not arrive is noticed within half a second, in both directions.

import { rules } from "./rules.js";

const { hearEvery, unheardAfter, askAfter, sendingWithin, mutely, heardAfter, lasting } = rules;

// Ear judges whether we hear one peer. It is pure: every input takes the time in
// ms, and a time of 0 stands for never.
export class Ear {
  deaf = false;
  #due = 0; // since when sound of it is due; 0: it is not
  #packets = 0; // when the silence began
  #asked = 0;
  #answered = 0; // when the peer said
  #quiet = 0; // how long ago it had sent sound; less than 0: never

  // listen looks at the present, {on, path, packets, last, alive, rtt}, and says
  // whether to ask the peer what it sends.
  listen(now, s) {
    if (!s.on) {
      this.deaf = false;
      this.#due = this.#packets = this.#asked = this.#answered = this.#quiet = 0;
      return false;
    }
    if (!s.path) return false; // whatever it was, it stays
    this.#due ||= now;
    const since = Math.max(this.#due, s.last), silence = now - since;
    if (this.deaf) {
      if (s.packets >= this.#packets + heardAfter && silence < sendingWithin) this.deaf = false;
      return false;
    }
    if (silence >= unheardAfter && this.#missing(now, since, s)) {
      this.deaf = true;
      this.#packets = s.packets;
      return false;
    }
    if (silence < askAfter || now - this.#asked < hearEvery) return false;
    this.#asked = now;
    return true;
  }

  // #missing: sound that does not come since a moment is sent.
  #missing(now, since, s) {
    const silence = now - since;
    if (this.#answered > since) return this.#quiet >= 0 && this.#quiet <= sendingWithin;
    if (!s.last) return silence >= mutely; // it may not have begun
    const patience = unheardAfter + s.rtt; // the answer may be on its way
    return (silence >= patience && now - s.alive >= unheardAfter) || silence >= mutely;
  }

  // answer takes what the peer says about the sound it sends.
  answer(now, quiet) {
    this.#answered = now;
    this.#quiet = quiet;
  }
}

const listener = () => ({
  ear: new Ear(), deaf: false, hears: true, heard: true, since: 0, warned: false,
  session: null, before: 0, packets: 0, seen: 0, last: 0, answering: false,
});

// Hearing knows who hears whom. It is given the mesh, and handle for the event of a
// silence that lasts.
export class Hearing {
  #peers = new Map();

  constructor(mesh, handle) {
    this.mesh = mesh;
    this.handle = handle;
  }

  // look looks at everybody; it is called every hearEvery ms.
  look(now) {
    const view = this.mesh.view();
    for (const p of view.peers) {
      if (p.state === "connected" || p.state === "disconnected") this.#lookAt(now, p, view.media.mic);
    }
  }

  #of(peer) {
    let l = this.#peers.get(peer);
    if (!l) this.#peers.set(peer, l = listener());
    return l;
  }

  #lookAt(now, p, micOn) {
    const l = this.#of(p.id);
    const session = this.mesh.sessionOf(p.id);
    this.#count(now, l, session);
    const ask = l.ear.listen(now, {
      on: p.media.mic, path: true, packets: l.packets, last: l.last,
      alive: session?.pulse.heard ?? 0, rtt: session?.transport?.rtt ?? 0,
    });
    const hears = !l.ear.deaf, heard = !micOn || (!l.deaf && !p.oneWay);
    if (ask) this.mesh.sendData(p.id, "ask", {});
    if (hears !== l.hears) this.mesh.sendData(p.id, "hearing", { hears });
    if (hears !== l.hears || heard !== l.heard) this.mesh.setHearing(p.id, heard, hears);
    l.hears = hears;
    l.heard = heard;
    if (this.#remark(now, l, p.state === "connected")) {
      this.handle({ event: "hearing-lost", peer: p.id, name: p.name, heard, hears });
    }
  }

  // #count keeps what arrived over all sessions with a peer. What was played last
  // can be asked at any time; the counters are looked at only when that is old.
  #count(now, l, session) {
    if (session !== l.session) {
      l.session = session;
      l.before = l.packets;
      l.seen = 0;
    }
    if (!session) return;
    const got = session.received[0];
    if (got > l.seen) {
      l.packets = l.before + got;
      l.last = Math.max(l.last, l.seen ? session.readAt : 0);
      l.seen = got;
    }
    l.last = Math.max(l.last, session.heardAt());
    if (now - l.last >= hearEvery) session.poll();
  }

  // #remark: a silence has lasted for so long that it is worth a remark, once. That
  // a connection is being mended is told otherwise.
  #remark(now, l, connected) {
    if ((l.hears && l.heard) || !connected) {
      l.since = 0;
      l.warned = false;
      return false;
    }
    l.since ||= now;
    if (l.warned || now - l.since < lasting) return false;
    l.warned = true;
    return true;
  }

  // asked answers a peer that hears nothing of us. How long ago a packet was sent
  // is not told by browsers: it is seen whether more are.
  async asked(peer) {
    const l = this.#of(peer), session = this.mesh.sessionOf(peer);
    if (!session || l.answering) return;
    l.answering = true;
    const quiet = await session.quietFor().finally(() => { l.answering = false; });
    this.mesh.sendData(peer, "sending", { quiet });
  }

  // answered takes a peer's answer.
  answered(now, peer, data) {
    const quiet = data?.quiet?.[0];
    if (Number.isFinite(quiet)) this.#peers.get(peer)?.ear.answer(now, quiet);
  }

  // told takes a peer's word on whether it hears us.
  told(peer, data) {
    this.#of(peer).deaf = data?.hears !== true;
  }

  // opened is called when a peer can be told something again: both sides start
  // afresh.
  opened(peer) {
    const l = this.#of(peer);
    l.deaf = false;
    if (l.ear.deaf) this.mesh.sendData(peer, "hearing", { hears: false });
  }

  forget(peer) { this.#peers.delete(peer); }
}
