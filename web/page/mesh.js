// The mesh of one room: every peer's machine and session (rtc/manager.go and
// its neighbours). Everything happens in order on one queue: what comes in is
// given, with the time, to the peer's machine, whose actions are then carried
// out; afterwards the room is shown anew.

import { Peer } from "./peer.js";
import { Starvation } from "./starved.js";
import { limits, maxHand, readState } from "./seal.js";
import { rules } from "./rules.js";
import { Introduction, fingerprint } from "./who.js";

// What the mesh decides by, with the two differences from the terminal program.
export const timing = Object.freeze({
  ...rules,
  // Browsers check a path that works only every 2.5 s (libwebrtc's interval for
  // stable connections), so missing answers mean something later than in pion,
  // which checks five times a second.
  unanswered: 5500,
  // The other side knows that its address is gone and asks for a restart. On the
  // side that offers, libwebrtc keeps a pair it can still write to for 2.5 s after
  // a restart, and what it sends goes nowhere: a new connection takes a fraction.
  replaceMoved: true,
});

const { maxOthers, starvedSpacing, reportAfter } = rules;
const look = 250; // between looks at the transports
const stale = 700; // what was heard longer ago is worth a look,
const staleQuiet = 200; // and sooner where only looking tells when something came
// A silence of this long may mean that our own network changed, which browsers
// do not always tell: whether the server still answers is worth knowing before
// it is needed.
const suspicious = 1200;
const suspicionSpacing = 2500;
const maxUntold = 64; // events about somebody who is not there yet
const noStats = { loss: 0, jitter: 0, down: 0, up: 0, fps: 0, width: 0, height: 0, audioEnergy: 0, framesDecoded: [0, 0, 0] };

// News decides which reports are sent. One that says nothing new can wait: in a
// large room where nobody speaks they would be half of all packets.
class News {
  #said = ""; // the report that was sent last
  #due = 0; // how many more are to be sent, new or not
  #kept = 0; // how many were not sent since

  // tells: what there is to report now is to be sent.
  tells(text) {
    if (text !== this.#said) this.#due = rules.freshReports;
    if (this.#due === 0 && this.#kept < rules.staleReports) {
      this.#kept++;
      return false;
    }
    this.#said = text;
    this.#due = Math.max(0, this.#due - 1);
    this.#kept = 0;
    return true;
  }

  // heard is told that the peer had something new to say.
  heard() { this.#due = rules.freshReports; }
}

// Mesh is given {self, inc, person, room, state, signal, dial, handle, changed, data,
// dataOpen, gone, proved, pathChanged, timing, now, setTimer, clearTimer}: signal sends and seals,
// dial makes sessions, handle takes events, changed is called when the view is
// new. now is the clock of everything, in ms.
export class Mesh {
  #members = new Map();
  #epochs = { last: 0 };
  #state;
  #server = { state: "connecting", attempt: 0, retryAt: 0, lost: false };
  #serverUp = false;
  #joinedAt = 0;
  #ice = [];
  #reportAt = 0;
  #lookedAt = 0;
  #suspectedAt = -Infinity;
  #mail = [];
  #running = false;
  #dirty = true;
  #timer = 0;
  #ended = false;

  constructor(config) {
    this.timing = timing;
    this.now = () => performance.now();
    this.setTimer = (f, ms) => setTimeout(f, ms);
    this.clearTimer = (t) => clearTimeout(t);
    Object.assign(this, config);
    this.#state = config.state;
  }

  // post runs item in its turn; what it calls may post again.
  post(item) {
    if (this.#ended) return;
    this.#mail.push(item);
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#mail.length) {
        const batch = this.#mail;
        this.#mail = [];
        for (const f of batch) f(this.now());
        if (this.#ended) return;
        this.#settle(this.now());
      }
    } finally {
      this.#running = false;
    }
    this.#arm();
    if (this.#dirty) {
      this.#dirty = false;
      this.changed();
    }
  }

  #settle(now) {
    this.#refreshReach(now);
    for (const m of [...this.#members.values()]) {
      this.#tick(now, m);
      const reached = m.dataOpen && m.peer.connected;
      if (reached !== m.reached) {
        m.reached = reached;
        this.#reportSoon(now);
      }
    }
    if (this.#reportAt && now >= this.#reportAt) this.#sendReports(now);
    if (this.#serverUp && now >= this.#suspectedAt + suspicionSpacing &&
      [...this.#members.values()].some((m) => m.peer.up && m.peer.connected && now - m.peer.heard > suspicious)) {
      this.#suspectedAt = now;
      this.signal.nudge();
    }
    if (now >= this.#lookedAt + look) {
      this.#lookedAt = now;
      for (const m of this.#members.values()) {
        if (!m.session || (m.peer.kept && now < m.lookedAt + this.timing.glance)) continue;
        if (m.peer.unsettled || now - m.session.pulse.heard > (m.session.quiet ? staleQuiet : stale)) this.#look(m);
      }
    }
  }

  // #reportSoon has the next reports sent before their time.
  #reportSoon(now) {
    if (this.#reportAt) this.#reportAt = Math.min(this.#reportAt, now + reportAfter);
  }

  // #look asks a transport for signs of life; the answer comes later.
  #look(m) {
    const { session } = m;
    m.lookedAt = this.now();
    session.poll().then(() => {
      if (m.session === session && m.peer.unsettled) this.post(() => {});
    });
  }

  #arm() {
    if (this.#ended) return;
    const now = this.now();
    let at = now + look;
    for (const m of this.#members.values()) {
      for (const t of [m.peer.wakeAt(now), m.goneAt, m.keptUntil]) if (t && t < at) at = t;
    }
    if (this.#reportAt && this.#reportAt < at) at = this.#reportAt;
    this.clearTimer(this.#timer);
    this.#timer = this.setTimer(() => this.post(() => {}), Math.max(1, at - now));
  }

  // leave says goodbye and closes every session.
  leave() {
    if (this.#ended) return;
    this.#ended = true;
    this.clearTimer(this.#timer);
    const closing = [];
    for (const m of this.#members.values()) {
      if (m.dataOpen) m.session.send(JSON.stringify({ t: "bye" }));
      if (m.session) closing.push(m.session);
    }
    this.setTimer(() => closing.forEach((s) => s.close()), 100); // so that the goodbye leaves
  }

  // signalEvent takes an event of the signaling client.
  signalEvent(e) {
    this.post((now) => {
      switch (e.on) {
        case "server": this.#serverState(now, e); break;
        case "welcome": this.#welcome(now, e); break;
        case "presence": this.#presence(now, e); break;
        case "ice": this.#useICE(e.ice); break;
        case "gone": this.#gone(now, e); break;
        case "message": this.#message(now, e); break;
      }
    });
  }

  // setMedia tells everyone what we send from now on.
  setMedia(media) {
    this.post((now) => {
      const was = this.#state.media;
      if (was.mic === media.mic && was.camera === media.camera && was.screen === media.screen) return;
      this.#state = { ...this.#state, n: this.#state.n + 1, media: { ...media } };
      this.#dirty = true;
      this.signal.setState(this.#state);
      this.#sendReports(now);
    });
  }

  // setHand raises our hand, behind all that are up, or takes it down.
  setHand(on) {
    this.post((now) => {
      if (on === this.#state.hand > 0) return;
      const last = Math.max(0, ...[...this.#members.values()].map((m) => m.state?.hand ?? 0));
      this.#state = { ...this.#state, n: this.#state.n + 1, hand: on ? Math.min(last + 1, maxHand) : 0 };
      this.#dirty = true;
      this.signal.setState(this.#state);
      this.#sendReports(now);
      this.handle({ event: "hand-raised", peer: this.self, name: this.#state.name, on, own: true, place: this.view().hands.indexOf(this.self) + 1 });
    });
  }

  // retry reconnects one peer now, or with "" every one that is not connected.
  retry(id = "") {
    this.post((now) => {
      if (!this.#serverUp) this.signal.nudge();
      for (const [other, m] of this.#members) {
        if (id !== "" && other !== id) continue;
        m.peer.retry(now);
        this.#run(now, m);
      }
    });
  }

  // networkChanged says that the machine's network changed, or that it slept.
  // A path that is still heard has not ended with it.
  networkChanged(woke) {
    this.signal.nudge();
    const looks = [...this.#members.values()].map((m) => m.session?.poll());
    Promise.all(looks).then(() => this.post((now) => {
      for (const m of this.#members.values()) {
        m.peer.moved(now, woke || !m.session || now - m.session.pulse.heard > stale ? "doubted" : "kept");
        this.#run(now, m);
      }
    }));
  }

  // lost says that the paths to some peers went with an address of ours.
  lost(ids) {
    this.post((now) => {
      for (const [id, m] of this.#members) {
        if (!ids.has(id) || !m.session || m.peer.pathGone || m.peer.phase === "mending" || now < m.lostAt + this.timing.spacing) continue;
        m.lostAt = now;
        m.peer.moved(now, "lost");
        this.#run(now, m);
      }
    });
  }

  // sendData sends application data to one peer, or with "" to all.
  sendData(to, kind, data) {
    this.post(() => {
      const text = JSON.stringify({ t: "app", kind, data });
      for (const [id, m] of this.#members) {
        if (m.dataOpen && (to === "" || to === id)) m.session.send(text);
      }
    });
  }

  // setHearing tells whether a peer gets the sound we send, and we theirs. The view
  // shows it and the room hears of every change.
  setHearing(id, heard, hears) {
    this.post(() => {
      const m = this.#members.get(id);
      if (!m || (m.unheard === !heard && m.silent === !hears)) return;
      m.unheard = !heard;
      m.silent = !hears;
      this.#dirty = true;
      this.#tellOf(m, { event: "hearing-changed", peer: id, name: m.peer.name, heard, hears });
    });
  }

  // sessionOf is the session of a peer, for what is seen and heard of it.
  sessionOf(id) { return this.#members.get(id)?.session ?? null; }

  #member(now, id) {
    let m = this.#members.get(id);
    if (!m) {
      m = {
        peer: new Peer(now, this.self, id, this.timing, this.#epochs), session: null, epoch: 0,
        known: false, here: false, untold: [], intro: null, identity: null, away: false, left: false, goneAt: 0, keptUntil: 0, lookedAt: 0, lostAt: -Infinity, state: null, unheard: false, silent: false,
        dataOpen: false, reached: false, news: new News(), others: [], othersAt: 0, starving: new Starvation(), missing: [], starvedAt: -Infinity,
      };
      this.#members.set(id, m);
    }
    return m;
  }

  // #serverState follows the link. Losing it touches no connection.
  #serverState(now, e) {
    this.#serverUp = e.state === "connected";
    this.#server = {
      state: e.state, attempt: e.attempt, retryAt: e.retryIn > 0 ? now + e.retryIn : 0,
      lost: !this.#serverUp && this.#joinedAt !== 0,
    };
    this.#dirty = true;
    this.handle({ event: "server-state-changed", state: e.state, previous: e.previous, attempt: e.attempt });
  }

  // #useICE takes new ICE servers: for sessions to come, and for the ICE restarts
  // of those there are.
  #useICE(servers) {
    if (JSON.stringify(servers) === JSON.stringify(this.#ice)) return;
    this.#ice = servers;
    for (const m of this.#members.values()) m.session?.do({ do: "ice", servers });
  }

  #welcome(now, e) {
    this.#useICE(e.ice);
    this.#dirty = true;
    if (!this.#joinedAt) {
      this.#joinedAt = now;
      this.handle({ event: "joined" });
      for (const p of e.peers) {
        if (p.peer === this.self) continue;
        this.#member(now, p.peer).known = true; // here before us: no "joined"
        this.#presence(now, p);
      }
    }
    this.#missed(e.peers);
    this.#refreshReach(now);
    for (const m of this.#members.values()) {
      if (!m.peer.reachable) continue;
      m.peer.resync();
      this.#run(now, m);
    }
  }

  // #missed marks as away whom the server no longer lists while their media
  // flows: it forgot them when we were both cut off from it, and who leaves on
  // purpose says so over the data channel.
  #missed(listed) {
    for (const [id, m] of this.#members) {
      if (m.peer.connected && !listed.some((p) => p.peer === id)) m.away = true;
    }
  }

  // #presence takes what the server says of a participant.
  #presence(now, p) {
    if (p.peer === this.self) return;
    const m = this.#member(now, p.peer);
    m.away = p.away;
    m.left = false;
    m.goneAt = 0;
    if (m.peer.kept) {
      m.known = p.inc <= m.peer.inc; // who comes back has not joined anew
      this.#found(now, m);
    }
    this.#process(now, m, p.inc);
    if (p.state) this.#stateOf(m, p.state);
    if (!m.known) {
      m.known = true;
      this.#tellOf(m, { event: "peer-joined", peer: p.peer, name: m.peer.name });
    }
    this.#dirty = true;
    this.#refreshReach(now);
    this.#run(now, m);
  }

  // #process takes the process that a sign of a person came from. A new one
  // counts its states from the start, and nothing agreed with the old one holds.
  #process(now, m, inc) {
    if (inc > m.peer.inc && m.state) m.state = { ...m.state, n: 0 };
    m.peer.present(now, inc);
    this.#run(now, m);
  }

  // #stateOf takes a whole state of a person; an older one never replaces a
  // newer one, so it may come by any way and any number of times.
  #stateOf(m, state) {
    if (state.n <= (m.state?.n ?? 0)) return;
    const was = (m.state?.hand ?? 0) > 0, on = (state.hand ?? 0) > 0;
    m.state = state;
    if (state.name && state.name !== m.peer.name) {
      m.peer.name = state.name;
      if (m.identity) this.#identify(m, m.identity); // is that whom the key is known as?
    }
    this.#dirty = true;
    this.#tellOf(m, { event: "media-state-changed", peer: m.peer.id, name: m.peer.name, media: state.media });
    if (on !== was) {
      this.#tellOf(m, { event: "hand-raised", peer: m.peer.id, name: m.peer.name, on, own: false, place: this.view().hands.indexOf(m.peer.id) + 1 });
    }
  }

  // #tellOf hands an event about somebody on, as soon as they are there: the server
  // lists who has signed a state, which may be long gone. Until something has come
  // that they made for this page, we try to reach them and tell nobody.
  #tellOf(m, e) {
    if (m.here) {
      this.handle(e);
      return;
    }
    m.untold.push(e);
    if (m.untold.length > maxUntold) m.untold.shift();
  }

  // #meet takes an authentic message, or a connection: who it is from is there.
  #meet(m) {
    if (m.here) return;
    m.here = true;
    for (const e of m.untold.splice(0)) this.handle(e);
    this.#dirty = true;
  }

  // #gone takes the server's word that a person left, or was away too long. It ends
  // no connection that works: who leaves says so there as well, or falls silent.
  #gone(now, e) {
    const m = this.#members.get(e.peer);
    if (!m || e.inc < m.peer.inc || m.peer.kept) return;
    const goodbye = !m.away && !e.unsaid;
    if (goodbye && (!m.session || !m.peer.up)) {
      this.#remove(now, m, false);
      return;
    }
    m.away = true;
    m.left = goodbye;
    this.#dirty = true;
    this.#vanished(now, m);
  }

  // #vanished deals with somebody who went without a goodbye. One whose media
  // still flows, or whom a third peer still reaches, has only lost the server and
  // stays. Anybody else is taken off the list, but the connection is kept for a
  // while: whoever was cut off for some minutes is back with the first packet.
  #vanished(now, m) {
    if (m.peer.connected || this.#carrier(m.peer.id)) {
      m.goneAt = now + this.timing.linger;
    } else if (!m.session || !m.peer.up) {
      this.#remove(now, m, !m.left);
    } else {
      this.#offList(now, m, !m.left);
      m.goneAt = 0;
      m.keptUntil = now + this.timing.keep;
      m.peer.kept = true;
      m.session.doze(true);
      this.#boundKept(now);
    }
  }

  // #boundKept gives up the connection that would be given up next, when there
  // are too many.
  #boundKept(now) {
    const kept = [...this.#members.values()].filter((m) => m.peer.kept);
    if (kept.length <= rules.maxKept) return;
    this.#remove(now, kept.reduce((a, b) => (b.keptUntil < a.keptUntil ? b : a)), true);
  }

  // #found puts somebody on the list again who was gone: the server lists them,
  // or their connection carries again.
  #found(now, m) {
    if (!m.peer.kept) return;
    m.peer.kept = false;
    m.keptUntil = 0;
    if (m.away) m.goneAt = now + this.timing.linger;
    this.#dirty = true;
    if (!m.session) return;
    m.session.doze(false);
    m.peer.hear(now, m.session.pulse);
    this.#run(now, m);
  }

  // #remove takes a person off the list and gives the connection up.
  #remove(now, m, crashed) {
    m.peer.leave(now);
    this.#run(now, m);
    this.#hangUp(m);
    this.#members.delete(m.peer.id);
    if (!m.peer.kept) this.#offList(now, m, crashed);
    this.gone(m.peer.id);
  }

  #offList(now, m, crashed) {
    if (m.reached) this.#reportSoon(now);
    this.#dirty = true;
    if (m.here) this.handle({ event: "peer-left", peer: m.peer.id, name: m.peer.name, crashed });
  }

  #tick(now, m) {
    if (m.session) m.peer.hear(now, m.session.pulse);
    m.peer.tick(now);
    if (m.peer.stuck) m.peer.startAfresh(now, 0); // a fault of this page, which must not cost the person
    this.#run(now, m);
    if (m.peer.kept && m.peer.connected) this.#found(now, m);
    else if (m.peer.kept && (now >= m.keptUntil || !m.session)) this.#remove(now, m, true);
    else if ((m.goneAt && now >= m.goneAt) || (m.left && !m.peer.kept && !m.peer.connected)) this.#vanished(now, m);
  }

  // #run carries out what a peer's machine wants done.
  #run(now, m) {
    for (let actions = m.peer.take(); actions.length; actions = m.peer.take()) {
      for (const a of actions) {
        switch (a.act) {
          case "dial": this.#dial(m, a.epoch); break;
          case "hangup": this.#hangUp(m); break;
          case "do":
            if (!m.session || m.epoch !== a.epoch) break;
            if (m.intro && a.cmd.sdp) m.intro.theirs = fingerprint(a.cmd.sdp);
            m.session.do(a.cmd);
            break;
          case "send": this.#send(m, a.body); break;
          case "emit":
            this.#dirty = true;
            if (a.event.event === "reconnected" && !this.#serverUp) this.signal.nudge(); // the network is back: so may the server be
            this.#tellOf(m, a.event);
            break;
        }
      }
    }
  }

  #dial(m, epoch) {
    this.#hangUp(m);
    m.epoch = epoch;
    m.intro = this.#introduction(m, epoch);
    m.session = this.dial({
      peer: m.peer.id, epoch, offerer: m.peer.offers, ice: this.#ice, now: this.now,
      post: (e) => this.post((now) => this.#sessionEvent(now, m, epoch, e)),
    });
  }

  // #introduction is who both ends of a new connection are.
  #introduction(m, epoch) {
    if (!this.person) return null;
    const intro = new Introduction(this, m.peer,
      (msg) => { if (m.intro === intro && m.epoch === epoch) m.session?.send(JSON.stringify(msg)); },
      (id) => this.post(() => {
        if (m.intro === intro && this.#members.has(m.peer.id)) this.#identify(m, id);
      }));
    return intro;
  }

  // #identify says how well somebody is known who has proved to have a key.
  #identify(m, { key, words }) {
    m.identity = { key, words, ...this.proved(m.peer.name, key) };
    this.#dirty = true;
    this.#tellOf(m, { event: "identity", peer: m.peer.id, name: m.peer.name, ...m.identity });
  }

  // verify notes for good that the words of a peer were compared.
  verify(id, book) {
    this.post(() => {
      const m = this.#members.get(id);
      if (!m?.identity) return;
      book.verify(m.peer.name, m.identity.key);
      this.#identify(m, m.identity);
    });
  }

  #hangUp(m) {
    if (!m.session) return;
    const { session } = m;
    m.session = null;
    m.epoch = 0;
    m.dataOpen = false;
    m.others = [];
    m.missing = [];
    m.starving = new Starvation();
    session.close();
  }

  // #sessionEvent: one of a replaced session is dropped.
  #sessionEvent(now, m, epoch, e) {
    if (m.epoch !== epoch || !m.session) return;
    switch (e.on) {
      case "data-open": this.#dataOpened(now, m); break;
      case "data": this.#dataReceived(now, m, e.data); break;
      case "connected":
        this.#meet(m);
        this.#dirty = true;
        break;
      case "path": this.pathChanged?.(m.peer.id); break;
      case "offer": case "answer":
        if (m.intro) m.intro.ours = fingerprint(e.sdp);
        break;
      case "ice":
        this.#dirty = true;
        m.peer.hear(now, m.session.pulse);
        break;
    }
    if (!this.#members.has(m.peer.id)) return; // it said goodbye
    m.peer.session(now, epoch, e);
    this.#run(now, m);
  }

  // #refreshReach works out whom signaling reaches: everyone the server lists
  // as here while the link is up, and whoever a connected third peer reaches.
  #refreshReach(now) {
    for (const [id, m] of this.#members) {
      if (!m.known) continue;
      const reachable = (this.#serverUp && !m.away) || this.#carrier(id) !== null;
      if (reachable && !m.peer.reachable && m.session) m.peer.hear(now, m.session.pulse); // it may have healed already
      m.peer.reach(now, reachable);
      this.#run(now, m);
    }
  }

  // #carrier finds the third peer with the smallest id that can pass a message
  // on, or null. Its word that it is connected with id must be from after we lost
  // id, or it may not have noticed yet that id is gone. To one whose own path is
  // gone nothing gets.
  #carrier(id) {
    const { peer } = this.#members.get(id);
    let best = null, lost = 0;
    if (peer.state === "disconnected") lost = peer.since + this.timing.report;
    else if (peer.connected && this.#serverUp) return null; // the server lost id a moment before us: wait for fresh words
    for (const [other, m] of this.#members) {
      if (other === id || !m.dataOpen || !m.peer.connected || m.peer.pathGone || m.othersAt < lost || !m.others.includes(id)) continue;
      if (!best || other < best.peer.id) best = m;
    }
    return best;
  }

  // #send passes a body to a peer: by the server if it reaches them, else
  // sealed through a third peer. With neither it is dropped.
  #send(m, body) {
    const { id, inc } = m.peer;
    if (this.#serverUp && !m.away) {
      this.signal.send(id, inc, body);
      return;
    }
    const via = this.#carrier(id), session = via?.session;
    if (!via) return;
    this.signal.sealer.sealMessage(id, inc, body)
      .then((frame) => session.send(JSON.stringify({ t: "relay", from: this.self, to: id, frame })))
      .catch(() => {});
  }

  // #message takes a body from a peer, whichever way it came.
  #message(now, e) {
    const m = this.#members.get(e.from);
    if (!m || e.inc < m.peer.inc) return;
    this.#meet(m);
    this.#process(now, m, e.inc);
    if (e.body.k === "bye") {
      this.#remove(now, m, false);
      return;
    }
    if (m.session && m.peer.unsettled) m.peer.hear(now, m.session.pulse);
    m.peer.message(now, e.body);
    this.#run(now, m);
  }

  #dataOpened(now, m) {
    m.dataOpen = true;
    if (!this.#reportAt) this.#reportAt = now + this.timing.report;
    m.news = new News();
    this.#sendReport(m);
    m.intro?.open();
    this.dataOpen(m.peer.id);
  }

  // #dataReceived takes a message of the data channel. What cannot be read is
  // dropped: the peer may be newer than we are, or hostile.
  #dataReceived(now, m, text) {
    let msg, state;
    try {
      msg = JSON.parse(text);
      if (msg?.t === "report") state = readState(msg.state);
    } catch {
      return;
    }
    switch (msg?.t) {
      case "report": this.#onReport(now, m, msg, state); break;
      case "relay": this.#onRelay(m, msg); break;
      case "app": if (typeof msg.kind === "string") this.data(m.peer.id, msg.kind, msg.data); break;
      case "identity": case "reveal": m.intro?.heard(msg); break;
      case "bye": this.#remove(now, m, false); break;
    }
  }

  // #sendReports tells every connected peer the whole truth about us.
  #sendReports(now) {
    this.#reportAt = 0;
    for (const m of this.#members.values()) {
      if (!m.session || m.peer.kept) continue;
      this.#look(m);
      this.#dirty = true; // figures are shown once a second
      if (!m.dataOpen) continue;
      this.#sendReport(m);
      this.#reportAt = now + this.timing.report;
    }
  }

  #sendReport(m) {
    const peers = [];
    for (const [id, other] of this.#members) {
      if (other !== m && other.dataOpen && other.peer.connected) peers.push(id);
    }
    const text = JSON.stringify({ t: "report", state: this.#state, sent: m.session.sent, peers: peers.sort() });
    if (m.news.tells(text)) m.session.send(text);
  }

  // #onReport compares what the peer says with what we see: its state replaces
  // an older one, and media it sends that never arrives costs the connection.
  #onReport(now, m, r, state) {
    if (!Array.isArray(r.sent) || r.sent.length !== 3 || !r.sent.every(Number.isSafeInteger)) return;
    this.#stateOf(m, state);
    const others = Array.isArray(r.peers) ? r.peers.filter((p) => typeof p === "string").slice(0, maxOthers) : [];
    if (others.join() !== m.others.join()) m.news.heard();
    m.others = others;
    m.othersAt = now;
    const missing = m.starving.report(now, r.sent, m.session.received);
    if (missing.join() !== m.missing.join()) {
      m.missing = missing;
      this.#dirty = true;
    }
    if (!missing.length || now - m.starvedAt < starvedSpacing) return;
    m.starvedAt = now;
    m.peer.starved(now);
    this.#run(now, m);
  }

  // #onRelay takes a frame meant for us, or passes it on: one hop, and only
  // from the one who wrote it.
  #onRelay(m, r) {
    if (typeof r.frame !== "string" || r.frame.length > limits.frame) return;
    if (r.to === this.self) {
      this.signal.sealer.openMessage(r.frame)
        .then((e) => this.post((now) => this.#message(now, e)))
        .catch(() => {});
      return;
    }
    const to = this.#members.get(r.to);
    if (r.from !== m.peer.id || !to?.dataOpen) return;
    to.session.send(JSON.stringify({ t: "relay", from: r.from, to: r.to, frame: r.frame }));
  }

  // view is everything a screen shows of the room, at this moment.
  view() {
    const peers = [];
    for (const m of this.#members.values()) {
      if (m.peer.kept || !m.here || (!m.known && !m.state)) continue; // gone, or heard of, but not there or not introduced
      const p = m.peer, s = m.session;
      peers.push({
        id: p.id, name: p.name, away: m.away, media: m.state?.media ?? { mic: false, camera: false, screen: false },
        agent: m.state?.agent ?? "", hand: m.state?.hand ?? 0, identity: m.identity, state: p.state, previous: p.previous, ice: p.ice, oneWay: p.oneWay, unheard: m.unheard, silent: m.silent, since: p.since,
        repair: p.repairView(), missing: m.missing, transport: s?.transport ?? null, figures: s ? { ...s.figures } : noStats,
        epoch: m.epoch, sent: s ? [...s.sent] : [0, 0, 0], received: s ? [...s.received] : [0, 0, 0],
      });
    }
    peers.sort((a, b) => (a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1));
    const hands = [{ id: this.self, hand: this.#state.hand ?? 0 }, ...peers].filter((p) => p.hand > 0)
      .sort((a, b) => a.hand - b.hand || (a.id < b.id ? -1 : 1)).map((p) => p.id);
    return {
      hands, // who has a hand up, in the order of raising
      self: this.self, name: this.#state.name, media: { ...this.#state.media }, server: { ...this.#server },
      since: this.#joinedAt, peers, now: this.now(),
      connected: peers.filter((p) => p.state === "connected").length,
      reconnecting: peers.filter((p) => p.state === "disconnected").length,
    };
  }
}
