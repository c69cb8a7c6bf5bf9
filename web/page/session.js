// One RTCPeerConnection is one session, of one epoch. Commands are carried out
// in order; what happens is posted to the owner. It is the browser's side of
// what rtc/conn is for pion.
//
// Microphone, camera and screen are told apart by their place in the
// description and nothing else. They are negotiated once: switching a source
// replaces a track, and a source that is off has none, so that nothing of it
// leaves the machine.

import { Channels } from "./channels.js";
import { rules } from "./rules.js";
import { kinds } from "./starved.js";

const { maxSections, maxMessage } = rules;
const utf8 = new TextDecoder();

// Modest for a mesh: each is sent to everyone.
const maxBitrate = [40_000, 600_000, 1_500_000];
const maxFramerate = [0, 24, 15];

// prefer orders what a browser can do: first the given codecs, in that order,
// and nothing else.
function prefer(kind, names) {
  const all = globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];
  return names.flatMap((name) => all.filter((c) => c.mimeType.toLowerCase() === name));
}

// Redundant audio (RFC 2198) where the browser has it; VP8, which everyone in
// the room decodes, and its retransmission (RFC 4588).
const codecs = () => [
  prefer("audio", ["audio/red", "audio/opus"]),
  prefer("video", ["video/vp8", "video/rtx"]),
  prefer("video", ["video/vp8", "video/rtx"]),
];

// checkDescription refuses what no honest peer sends.
export function checkDescription(sdp) {
  const sections = sdp.match(/^m=(\S+)/gm)?.map((m) => m.slice(2)) ?? [];
  if (sections.length > maxSections) throw new Error(`the description has ${sections.length} m-lines`);
  const want = ["audio", "video", "video", "application"];
  if (want.some((kind, i) => sections[i] !== kind)) throw new Error("the description has other m-lines than ours");
  if (/^a=(simulcast|rid):/m.test(sdp)) throw new Error("simulcast is not spoken here");
}

// preferRed puts redundant audio first in the peer's description: its order
// decides what a browser sends, and a terminal only says that it can.
export function preferRed(sdp) {
  const red = /^a=rtpmap:(\d+) red\/48000/mi.exec(sdp)?.[1];
  if (!red) return sdp;
  return sdp.replace(/^(m=audio \d+ \S+)((?: \d+)+)/m, (_, head, types) =>
    head + [red, ...types.trim().split(" ").filter((t) => t !== red)].map((t) => ` ${t}`).join(""));
}

// hearStereo says in our own description that both channels are played: in music
// mode a terminal sends two (RFC 7587 section 6.1). sendMono takes the same wish
// out of the peer's: a voice needs one.
export const hearStereo = (sdp) => opusFormat(sdp, (params) => [...params.filter((p) => !/^stereo=/.test(p)), "stereo=1"]);
export const sendMono = (sdp) => opusFormat(sdp, (params) => params.filter((p) => !/^stereo=/.test(p)));

function opusFormat(sdp, change) {
  const type = /^a=rtpmap:(\d+) opus\/48000/mi.exec(sdp)?.[1];
  if (!type) return sdp;
  return sdp.replace(new RegExp(`^(a=fmtp:${type} )([^\\r\\n]*)`, "gm"), (_, head, params) => head + change(params.split(";")).join(";"));
}

const ufrag = (sdp) => /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? "";

// carried marks the candidates of pairs that a third person carries: their
// address is on no network, and a browser cannot be an end of such a pair.
const carried = /^(?:a=)?candidate:(?:\S+ ){4}fd6d:6565:7400:/i;

// forBrowser reports whether a candidate of the peer is any use here.
export const forBrowser = (candidate) => Boolean(candidate) && !carried.test(candidate);

// isFrame reports whether a binary message holds a carried packet, which is never
// meant for a browser (docs/PROTOCOL.md, "Carried pairs").
export const isFrame = (data) => typeof data !== "string" && (new Uint8Array(data)[0] & 0xfe) === 0xc8;

// Session is given {peer, epoch, offerer, ice, local, post, now}. local is the
// Media it sends from; post takes events {on, ...}; channel, if given, takes
// (session, "open" | "closed" | "message", label, bytes) of the channels besides
// the first.
export class Session {
  pulse = { heard: 0, answered: 0 };
  quiet = false; // nothing but checks came lately
  transport = null; // {relay, localType, remoteType, localAddress, remoteAddress, rtt}
  sent = [0, 0, 0]; // RTP packets, by kind
  received = [0, 0, 0];
  figures = { loss: 0, jitter: 0, down: 0, up: 0, fps: 0, width: 0, height: 0, audioEnergy: 0, framesDecoded: [0, 0, 0] };

  #pc;
  #channel;
  #channels;
  #queue = Promise.resolve();
  #closed = false;
  #connected = false;
  #generations = new Map(); // user fragment -> generation
  #transceivers = [];
  #counters = ""; // of the path, as last seen
  #answers = 0;
  readAt = 0; // when the counters were looked at last
  #sentAt = [-Infinity, -Infinity, -Infinity]; // when packets were seen to be sent
  #window = null; // the counters a second ago
  #polling = false;
  #views = [null, null, null]; // sizes at which the peer shows our pictures
  #unsubscribe;
  #dozing = false;

  constructor(config) {
    Object.assign(this, config);
    try {
      this.#pc = new RTCPeerConnection({ iceServers: this.ice, bundlePolicy: "max-bundle" });
    } catch (err) {
      queueMicrotask(() => this.#fail(err));
      return;
    }
    const pc = this.#pc;
    this.#channel = pc.createDataChannel("meet", { negotiated: true, id: 0, ordered: true });
    this.#channel.binaryType = "arraybuffer";
    this.#channel.onopen = () => this.#post({ on: "data-open" });
    this.#channel.onmessage = (e) => {
      this.pulse.heard = this.now();
      if (isFrame(e.data)) return;
      const data = typeof e.data === "string" ? e.data : utf8.decode(e.data); // some send their text as bytes
      if (data.length <= maxMessage) this.#post({ on: "data", data });
    };
    this.#channels = new Channels(pc, this.offerer, {
      tell: (what, label, data) => this.channel?.(this, what, label, data),
      heard: () => { this.pulse.heard = this.now(); },
      stray: () => this.#fail("the peer opens channels without end"),
    });
    pc.onicecandidate = (e) => {
      const c = e.candidate;
      const gen = c?.candidate ? this.#generations.get(c.usernameFragment ?? "") ?? this.#latest : this.#latest;
      if (c?.candidate) this.#post({ on: "candidates", gen, cands: [c.candidate], done: false });
      else if (!c) this.#post({ on: "candidates", gen, cands: [], done: true });
    };
    pc.oniceconnectionstatechange = () => this.#post({ on: "ice", state: pc.iceConnectionState });
    pc.onconnectionstatechange = () => this.#stateChanged();
    if (this.offerer) {
      const preferences = codecs();
      this.#transceivers = ["audio", "video", "video"].map((kind, k) => {
        const t = pc.addTransceiver(kind, { direction: "sendrecv" });
        if (preferences[k].length) t.setCodecPreferences?.(preferences[k]);
        return t;
      });
      this.#sendFrom();
    }
  }

  // sendOn sends bytes on a channel besides the first, at once or not at all, and
  // reports which.
  sendOn(label, bytes) { return this.#channels?.send(label, bytes) ?? false; }

  // waiting is how many bytes of such a channel wait to be sent.
  waiting(label) { return this.#channels?.waiting(label) ?? 0; }

  get #latest() { return [...this.#generations.values()].at(-1) ?? 0; }

  #post(e) { if (!this.#closed) this.post(e); }

  #fail(err) {
    if (this.#closed) return;
    this.post({ on: "failed", error: String(err?.message ?? err) });
  }

  #stateChanged() {
    const pc = this.#pc;
    if (pc.connectionState === "connected" && !this.#connected) {
      this.#connected = true;
      const now = this.now();
      this.pulse = { heard: now, answered: now };
      this.#post({ on: "connected" });
    } else if (pc.connectionState === "failed" && pc.iceConnectionState !== "failed" && pc.iceConnectionState !== "disconnected") {
      this.#fail("the secure transport failed"); // DTLS: only a new connection helps
    }
  }

  // do carries a command out after those before it.
  do(cmd) {
    this.#queue = this.#queue.then(() => this.#closed ? undefined : this.#perform(cmd)).catch((err) => this.#fail(err));
  }

  async #perform(cmd) {
    switch (cmd.do) {
      case "offer": return this.#makeOffer(cmd);
      case "accept-offer": return this.#acceptOffer(cmd);
      case "accept-answer":
        await this.#applyRemote("answer", cmd.sdp);
        return this.#limit();
      case "candidates": return this.#addCandidates(cmd.cands);
      case "ice": return this.#useICE(cmd.servers);
    }
  }

  // #useICE takes other STUN and TURN servers, or fresh credentials, for the next
  // ICE restart. A browser that does not take them keeps what it has.
  #useICE(servers) {
    try {
      this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: servers });
    } catch (err) {
      console.warn("new ICE servers are not taken", err);
    }
  }

  async #makeOffer({ n, gen, restart }) {
    const offer = await this.#pc.createOffer({ iceRestart: restart && this.#pc.remoteDescription !== null });
    if (this.#closed) return;
    const sdp = hearStereo(offer.sdp);
    this.#generations.set(ufrag(sdp), gen);
    this.#post({ on: "offer", n, gen, restart, sdp }); // before a candidate can overtake it
    await this.#pc.setLocalDescription({ type: "offer", sdp });
  }

  async #acceptOffer({ n, gen, sdp }) {
    await this.#applyRemote("offer", sdp);
    if (this.#closed) return;
    if (!this.#transceivers.length) {
      const preferences = codecs();
      this.#transceivers = this.#pc.getTransceivers().slice(0, 3);
      this.#transceivers.forEach((t, k) => {
        t.direction = "sendrecv";
        if (preferences[k].length) t.setCodecPreferences?.(preferences[k]);
      });
      await this.#sendFrom();
    }
    const answer = await this.#pc.createAnswer();
    if (this.#closed) return;
    const own = hearStereo(answer.sdp);
    this.#generations.set(ufrag(own), gen);
    this.#post({ on: "answer", n, gen, sdp: own });
    await this.#pc.setLocalDescription({ type: "answer", sdp: own });
    await this.#limit();
  }

  async #applyRemote(type, sdp) {
    checkDescription(sdp);
    await this.#pc.setRemoteDescription({ type, sdp: sendMono(preferRed(sdp)) });
    if (this.#closed) return;
    const order = [...sdp.matchAll(/^a=mid:(\S+)/gm)].map((m) => m[1]);
    const slots = this.#transceivers.length ? this.#transceivers : this.#pc.getTransceivers();
    for (let k = 0; k < 3; k++) {
      if (slots[k]?.mid !== order[k]) throw new Error(`the ${kinds[k]} landed on another m-line`);
    }
  }

  // #addCandidates takes the peer's candidates. One of no use is dropped; the
  // word that there are no more is not passed on, since more can follow from a
  // peer that moves.
  async #addCandidates(cands) {
    const sdpMid = this.#transceivers[0]?.mid ?? "0";
    for (const candidate of cands) {
      if (!forBrowser(candidate)) continue;
      await this.#pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex: 0 }).catch(() => {});
    }
  }

  // #sendFrom keeps the senders at what the person wants to send.
  #sendFrom() {
    const put = () => Promise.all(this.#transceivers.map((t, k) => {
      const track = this.local.track(k);
      return t.sender.track === track ? undefined : t.sender.replaceTrack(track).catch(() => {});
    }));
    this.#unsubscribe ??= this.local.subscribe(() => {
      put().then(() => this.#limit());
    });
    return put();
  }

  // show notes at which sizes the peer shows our pictures: {camera, screen} in
  // pixels, 0 when hidden. No more than that is sent.
  show(view) {
    this.#views = [null, view.camera, view.screen];
    this.#limit();
  }

  // #limit bounds what each sender may use.
  async #limit() {
    if (this.#closed || !this.#pc.remoteDescription) return;
    await Promise.all(this.#transceivers.map(async (t, k) => {
      const p = t.sender.getParameters();
      if (!p.encodings?.length) return;
      const [e] = p.encodings;
      const before = JSON.stringify(e);
      e.maxBitrate = maxBitrate[k];
      e.active = !this.#dozing;
      if (k > 0) {
        const view = this.#views[k], size = t.sender.track?.getSettings?.() ?? {};
        e.maxFramerate = maxFramerate[k];
        e.active = !this.#dozing && (!view || (view[0] > 0 && view[1] > 0));
        e.scaleResolutionDownBy = scaleFor(view, size.width, size.height);
        p.degradationPreference = k === 2 ? "maintain-resolution" : "balanced";
      }
      if (JSON.stringify(e) !== before) await t.sender.setParameters(p).catch(() => {});
    }));
  }

  // doze, while on, sends no media: the person is gone, and only the path is kept.
  doze(on) {
    this.#dozing = on;
    this.#limit();
  }

  // send passes a text over the data channel; dropped while it is not open.
  send(text) {
    if (this.#channel?.readyState !== "open") return;
    try {
      this.#channel.send(text);
    } catch { /* its queue is full: what matters is said again */ }
  }

  // streams are what the peer sends, by kind: a track each, of which nothing
  // may come.
  tracks() { return this.#transceivers.map((t) => t.receiver.track); }

  // level is how loud the peer's last audio was, 0 to 1 (RFC 6464).
  level() {
    const receiver = this.#transceivers[0]?.receiver;
    const [s] = receiver?.getSynchronizationSources?.() ?? [];
    if (!s || performance.timeOrigin + performance.now() - s.timestamp > 500) return 0;
    return s.audioLevel ?? 0;
  }

  // heardAt is when sound of the peer was played last, as far as the browser says so;
  // 0 otherwise.
  heardAt() {
    const receiver = this.#transceivers[0]?.receiver;
    const [s] = receiver?.getSynchronizationSources?.() ?? [];
    if (!s) return 0;
    const age = performance.timeOrigin + performance.now() - s.timestamp;
    return age >= 0 && age < 60000 ? this.now() - age : 0;
  }

  // quietFor is how long ago a packet was sent of each kind, in ms; -1 for never.
  async quietFor() {
    const before = [...this.sent];
    await this.poll();
    if (this.sent[0] === before[0]) { // was it looked at just now?
      await new Promise((done) => { setTimeout(done, 60); });
      await this.poll();
    }
    const now = this.now();
    return this.#sentAt.map((at) => (at > 0 ? Math.round(now - at) : -1));
  }

  // poll looks at the transport. It may be called as often as one likes.
  async poll() {
    if (this.#polling || this.#closed || !this.#connected) return;
    this.#polling = true;
    try {
      const stats = await this.#pc.getStats();
      if (!this.#closed) this.#read(stats);
    } catch { /* it was closed meanwhile */ } finally {
      this.#polling = false;
    }
  }

  #read(stats) {
    const now = this.now();
    let transport, pairs = [];
    const inbound = [], outbound = [], remote = [];
    const byID = (id) => stats.get(id);
    for (const s of stats.values()) {
      if (s.type === "transport") transport = s;
      else if (s.type === "candidate-pair") pairs.push(s);
      else if (s.type === "inbound-rtp") inbound.push(s);
      else if (s.type === "outbound-rtp") outbound.push(s);
      else if (s.type === "remote-inbound-rtp") remote.push(s);
    }
    const pair = pairs.find((p) => p.id === transport?.selectedCandidatePairId) ?? pairs.find((p) => p.selected || (p.nominated && p.state === "succeeded"));
    // Any authenticated packet is a sign of life, on whichever pair: checks,
    // media and data are counted apart.
    const sum = (key) => pairs.reduce((n, p) => n + (p[key] ?? 0), 0);
    const counters = [sum("requestsReceived"), sum("responsesReceived"), sum("bytesReceived"), sum("packetsReceived"), transport?.bytesReceived ?? 0].join();
    const answers = sum("responsesReceived");
    if (counters !== this.#counters) this.#heard(now, [...pairs, ...inbound]);
    this.readAt = now;
    // A browser that does not count answers is believed to be heard.
    if (answers !== this.#answers || pair?.responsesReceived === undefined) this.pulse.answered = answers ? now : this.pulse.heard;
    this.#counters = counters;
    this.#answers = answers;

    const slot = (s) => this.#transceivers.findIndex((t) => t.mid === s.mid);
    for (const s of inbound) {
      const k = slot(s);
      if (k < 0) continue;
      this.received[k] = s.packetsReceived ?? 0;
      if (k > 0) this.figures.framesDecoded[k] = s.framesDecoded ?? 0;
      else this.figures.audioEnergy = s.totalAudioEnergy ?? 0;
    }
    for (const s of outbound) {
      const k = slot(s);
      if (k < 0) continue;
      if ((s.packetsSent ?? 0) > this.sent[k]) this.#sentAt[k] = now;
      this.sent[k] = s.packetsSent ?? 0;
    }
    if (pair) this.#describe(now, pair, byID(pair.localCandidateId), byID(pair.remoteCandidateId), inbound, slot);
  }

  // #heard notes that packets came since the last look: media and data tell
  // when exactly; checks only that they did.
  #heard(now, stats) {
    const ages = stats.filter((s) => s.lastPacketReceivedTimestamp).map((s) => s.timestamp - s.lastPacketReceivedTimestamp);
    const exact = now - Math.max(0, Math.min(Infinity, ...ages));
    this.quiet = !(exact > this.readAt);
    this.pulse.heard = Math.max(this.pulse.heard, this.quiet ? now : exact);
  }

  #describe(now, pair, local, remote, inbound, slot) {
    const address = (c) => (c ? `${c.address ?? c.ip ?? "hidden"}:${c.port}` : "");
    const before = this.transport;
    this.transport = {
      relay: local?.candidateType === "relay" || remote?.candidateType === "relay",
      localType: local?.candidateType ?? "", remoteType: remote?.candidateType ?? "",
      localAddress: address(local), remoteAddress: address(remote),
      rtt: Math.round((pair.currentRoundTripTime ?? 0) * 1000),
    };
    if (before && (before.localAddress !== this.transport.localAddress || before.remoteAddress !== this.transport.remoteAddress)) {
      this.#post({ on: "path" });
    }
    const video = inbound.filter((s) => slot(s) > 0 && s.frameWidth);
    const shown = video.find((s) => slot(s) === 2 && s.framesPerSecond) ?? video[0];
    const audio = inbound.find((s) => slot(s) === 0);
    const total = (key) => inbound.reduce((n, s) => n + (s[key] ?? 0), 0);
    const at = { now, lost: total("packetsLost"), got: total("packetsReceived"), down: pair.bytesReceived ?? 0, up: pair.bytesSent ?? 0 };
    const was = this.#window;
    if (was && now - was.now < 900) return;
    this.#window = at;
    if (!was) return;
    const seconds = (now - was.now) / 1000, lost = Math.max(0, at.lost - was.lost), got = at.got - was.got;
    Object.assign(this.figures, {
      loss: lost + got > 0 ? lost / (lost + got) : 0,
      jitter: Math.round((audio?.jitter ?? 0) * 1000),
      down: Math.round((at.down - was.down) * 8 / seconds / 1000),
      up: Math.round((at.up - was.up) * 8 / seconds / 1000),
      fps: Math.round(shown?.framesPerSecond ?? 0), width: shown?.frameWidth ?? 0, height: shown?.frameHeight ?? 0,
    });
  }

  // close ends the session and everything it started. What was sent just
  // before still leaves.
  close() {
    this.#closed = true;
    this.#unsubscribe?.();
    const pc = this.#pc;
    if (!pc) return;
    pc.onicecandidate = pc.oniceconnectionstatechange = pc.onconnectionstatechange = null;
    this.#channel.onopen = this.#channel.onmessage = null;
    pc.ondatachannel = null;
    this.#channels.close();
    pc.close();
  }
}

// scaleFor is by how much to shrink a picture for a viewer that shows it at
// view; 1 when unknown. Powers of two keep the encoder from starting anew for
// every window that is dragged.
export function scaleFor(view, width, height) {
  if (!view || !width || !height || !(view[0] > 0) || !(view[1] > 0)) return 1;
  const fit = Math.min(width / view[0], height / view[1]);
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}
