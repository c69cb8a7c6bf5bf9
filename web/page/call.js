// One participant's part in a room: signaling, mesh, media and chat as one
// thing. What shows it calls its methods and is told by onChange, onEvent, onChat
// and onFile.

import { Suspicion } from "./addresses.js";
import { ChatLog } from "./chat.js";
import { SignalClient } from "./client.js";
import { Files } from "./files.js";
import { Hearing } from "./hearing.js";
import { socketURL } from "./invite.js";
import { Mesh } from "./mesh.js";
import { rules } from "./rules.js";
import { Session } from "./session.js";

const { maxView } = rules;
const size = (v) => (Array.isArray(v) && v.length === 2 && v.every((n) => Number.isInteger(n) && n >= 0 && n <= maxView) ? v : null);
const same = (a, b) => a && a.camera.join() === b.camera.join() && a.screen.join() === b.screen.join();

export class Call {
  #shown = new Map(); // peer id -> {camera, screen}: sizes at which we show them
  #thinLines = new Map(); // peer id -> {camera, screen}: whose lines to us carry no pictures
  #views = new Map(); // the same, of our pictures, as each peer told
  #users = {}; // of the channels besides the first: label -> (what, peer, session, bytes)
  #networkTimer = 0;
  #stops = [];

  // use gives a channel besides the first to user(what, peer, session, bytes), what
  // being "open", "closed" or "message"; session.sendOn answers.
  use(label, user) { this.#users[label] = user; }

  constructor({ invite, room, key, self, inc, person, people, name, media, onChange, onEvent, onChat }) {
    Object.assign(this, { invite, self, people, name, media, onChange, onEvent, onChat });
    const state = { n: 1, name, media: media.on, agent: "meet web" };
    this.client = new SignalClient({
      url: socketURL(invite), room, key, self, inc, state,
      handle: (e) => {
        if (e.on === "refused") this.#refused(e);
        else this.mesh.signalEvent(e);
      },
    });
    this.chat = new ChatLog(this.client.sealer, inc);
    this.mesh = new Mesh({
      self, inc, state, signal: this.client, person,
      proved: (known, key) => people.meet(known, key),
      dial: (config) => this.#dial(config),
      handle: (e) => {
        if (e.event === "reconnected") this.#lookAgain(e.peer);
        this.onEvent(e);
      },
      changed: () => this.onChange(),
      data: (peer, kind, data) => this.#data(peer, kind, data),
      dataOpen: (peer) => this.#dataOpen(peer),
      pathChanged: (peer) => this.#lookAgain(peer), // some of what was on the old path is lost
      gone: (peer) => {
        this.#shown.delete(peer);
        this.#views.delete(peer);
        this.#thinLines.delete(peer);
        this.hearing.forget(peer);
        this.terminals?.gone(peer);
        this.chat.forget(peer);
        this.files.gone(peer);
      },
    });
    this.files = new Files({
      nameOf: (peer) => this.#nameOf(peer),
      told: (t) => this.onFile?.(t), changed: () => this.onFile?.(null),
    });
    this.use("file", (...what) => this.files.on(...what));
    this.hearing = new Hearing(this.mesh, (e) => this.onEvent(e));
    this.suspicion = new Suspicion(this.mesh, (gone) => {
      this.mesh.lost(gone);
      this.client.redial();
    });
    this.#stops.push(media.subscribe(() => this.mesh.setMedia(media.on)));
  }

  start() {
    this.client.start();
    this.#watchNetwork();
    const timer = setInterval(() => {
      this.hearing.look(performance.now());
      this.suspicion.look(performance.now());
    }, rules.hearEvery);
    this.#stops.push(() => clearInterval(timer));
  }

  // leave ends it; the others see "left" at once.
  leave() {
    for (const stop of this.#stops) stop();
    this.mesh.leave();
    this.client.leave();
    this.media.close();
  }

  // #refused goes on without a server that sent us away while connections live: it
  // only introduces people. The call ends once nobody has been connected for as long
  // as somebody who vanished is waited for.
  #refused({ code, text }) {
    const end = () => this.onEvent({ event: "refused", code, text });
    if (this.view().connected === 0) {
      end();
      return;
    }
    this.onEvent({ event: "server-left", code });
    let alone = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      if (this.view().connected > 0) alone = now;
      else if (now - alone >= rules.linger) end();
    }, 1000);
    this.#stops.push(() => clearInterval(timer));
  }

  view() { return this.mesh.view(); }

  // say sends a chat message to everyone. It is told whether there was anything to say.
  async say(text) {
    const said = await this.chat.write(this.name, text, Date.now());
    if (!said) return false;
    const { from, ...line } = said;
    this.mesh.sendData("", "chat", [line]);
    this.onChat(said, false);
    return true;
  }

  // verify notes that the words of a peer are the same on both sides.
  verify(peer) { this.mesh.verify(peer, this.people); }

  // show says at which sizes, in pixels, we show the pictures of a peer; 0, 0
  // when hidden. They send no more than that.
  show(peer, view) {
    if (same(this.#shown.get(peer), view)) return;
    this.#shown.set(peer, view);
    this.mesh.sendData(peer, "view", view);
  }

  // #thin takes what a peer says of the path from it: whether it carries a picture.
  #thin(peer, kind, paused) {
    const thin = this.#thinLines.get(peer) ?? {};
    if ((thin[kind] ?? false) === paused) return;
    this.#thinLines.set(peer, { ...thin, [kind]: paused });
    this.onEvent({ event: "pictures-paused", peer, name: this.#nameOf(peer), kind, paused });
  }

  // #lookAgain makes a peer begin anew with whole pictures after a change: who
  // looks again gets a key frame first, while a browser left to itself waits
  // three seconds for what was lost before it asks for one.
  #lookAgain(peer) {
    const view = this.#shown.get(peer);
    if (!view) return;
    this.mesh.sendData(peer, "view", { camera: [0, 0], screen: [0, 0] });
    this.mesh.sendData(peer, "view", view);
  }

  #dial(config) {
    const session = new Session({
      ...config, local: this.media,
      channel: (session, what, label, data) => this.#users[label]?.(what, config.peer, session, data),
    });
    const view = this.#views.get(config.peer);
    if (view) session.show(view);
    return session;
  }

  #nameOf(peer) { return this.view().peers.find((p) => p.id === peer)?.name ?? peer; }

  #data(peer, kind, data) {
    switch (kind) {
      case "thin":
        for (const k of ["camera", "screen"]) this.#thin(peer, k, data?.[k] === true);
        break;
      case "terminals": this.terminals?.heard(peer, data); break;
      case "ask": this.hearing.asked(peer); break;
      case "sending": this.hearing.answered(performance.now(), peer, data); break;
      case "hearing": this.hearing.told(peer, data); break;
      case "view": {
        const view = { camera: size(data?.camera), screen: size(data?.screen) };
        if (!view.camera || !view.screen) return;
        this.#views.set(peer, view);
        this.mesh.sessionOf(peer)?.show(view);
        break;
      }
      case "chat": case "chat-history": {
        const live = kind === "chat";
        if (!live && !this.chat.admits(peer, performance.now())) return; // nobody waited for it
        this.chat.hear({ id: peer, name: this.#nameOf(peer) }, live, data).then((fresh) => {
          for (const said of fresh) this.onChat(said, !live);
        });
      }
    }
  }

  // #dataOpen tells a peer what it may have missed.
  #dataOpen(peer) {
    this.hearing.opened(peer);
    this.chat.opened(peer, performance.now());
    const view = this.#shown.get(peer);
    if (view) this.mesh.sendData(peer, "view", view);
    const lines = this.chat.share();
    if (lines.length) this.mesh.sendData(peer, "chat-history", lines);
  }

  // #watchNetwork takes the browser's signs that the machine's addresses
  // changed. They come in bursts.
  #watchNetwork() {
    const changed = (woke) => {
      clearTimeout(this.#networkTimer);
      this.#networkTimer = setTimeout(() => this.mesh.networkChanged(woke), 50);
    };
    const on = (target, name, f) => {
      target?.addEventListener?.(name, f);
      this.#stops.push(() => target?.removeEventListener?.(name, f));
    };
    on(window, "online", () => changed(false));
    on(window, "offline", () => changed(false));
    let type = navigator.connection?.type;
    on(navigator.connection, "change", () => {
      if (navigator.connection.type === type) return; // an estimate of the speed
      type = navigator.connection.type;
      changed(false);
    });
    // A clock on the wall that went on while ours stood still: the machine slept.
    let wall = Date.now();
    const timer = setInterval(() => {
      const now = Date.now();
      if (now - wall > 20000) changed(true);
      wall = now;
    }, 5000);
    this.#stops.push(() => clearInterval(timer));
  }
}
