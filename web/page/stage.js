// The pictures: a tile for each person's camera and for each shared screen, in
// a grid or with one of them in the spotlight.

import { attribute, el, put } from "./dom.js";
import { badge } from "./words.js";

const followHold = 1000; // a speaker keeps the spotlight this long
const colours = 6; // of the discs with initials, in the style sheet

// initials of a name, for people without a picture.
export function initials(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return words.slice(0, 2).map((w) => [...w][0].toUpperCase()).join("") || "?";
}

const colourOf = (id) => [...id].reduce((n, c) => (n * 31 + c.charCodeAt(0)) % 9973, 7) % colours;

// bestColumns is how many columns show n pictures of 16:9 largest in w x h. Where
// it is nearly the same, people stand side by side: a picture that is cut at its
// sides still has whole faces.
export function bestColumns(n, w, h) {
  const fit = (c) => Math.min(w / c, (h / Math.ceil(n / c)) * 16 / 9);
  let best = 1, width = 0;
  for (let c = 1; c <= n; c++) width = Math.max(width, fit(c));
  for (let c = 1; c <= n; c++) if (fit(c) >= width * 0.85) best = c;
  return best;
}

class Tile {
  #track = null;

  constructor(key, onPick) {
    this.key = key;
    this.video = el("video", { autoplay: true, playsInline: true, muted: true });
    this.disc = el("span", { className: "disc", "aria-hidden": "true" });
    this.name = el("span", { className: "name" });
    this.mic = el("span", { className: "mic" });
    this.state = el("span", { className: "state" });
    this.root = el("figure", { className: "tile", tabIndex: 0, role: "button" },
      this.video, this.disc, el("figcaption", {}, this.mic, this.name, this.state));
    this.root.addEventListener("click", () => onPick(key));
    this.root.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        e.stopPropagation();
        onPick(key);
      }
    });
  }

  show({ name, label, track, on, mirror, screen, micOn, b, stalled, id }) {
    if (track !== this.#track) {
      this.#track = track;
      this.video.srcObject = track ? new MediaStream([track]) : null;
      if (track) this.video.play().catch(() => {}); // it plays when it may
    }
    put(this.name, label);
    put(this.disc, initials(name));
    put(this.mic, screen ? "" : micOn ? "mic on" : "mic OFF");
    attribute(this.mic, "class", `mic${micOn ? "" : " off"}`);
    put(this.state, b ? b.text : "");
    attribute(this.state, "class", `state${b ? ` ${b.tone}` : ""}${b?.busy ? " busy" : ""}`);
    attribute(this.root, "aria-label", b ? `${label}, ${b.text}` : label);
    for (const [c, is] of Object.entries({ on: on && track !== null, mirror, screen, stalled })) this.root.classList.toggle(c, is);
    attribute(this.disc, "class", `disc colour${colourOf(id)}`);
  }

  // size is how large the picture is shown, in device pixels; multiples of 16
  // keep the sender from being told of every pixel that a window is dragged.
  size() {
    if (!this.root.isConnected || document.hidden || !this.root.classList.contains("on")) return [0, 0];
    const r = this.root.getBoundingClientRect(), dpr = globalThis.devicePixelRatio || 1;
    return [r.width, r.height].map((v) => Math.min(4096, Math.ceil(v * dpr / 16) * 16));
  }

  clear() { this.video.srcObject = null; }
}

export class Stage {
  #tiles = new Map(); // "peer/camera" -> Tile
  #order = [];
  #chosen = null; // {grid} or {follow} or {pin: key}
  #speaker = "";
  #spokeAt = 0;
  #full = false;

  constructor(root, call, onLayout) {
    this.root = root;
    this.call = call;
    this.strip = el("div", { className: "strip" });
    this.empty = el("p", { className: "empty dim" });
    this.onLayout = onLayout;
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  close() {
    this.observer.disconnect();
    for (const t of this.#tiles.values()) t.clear();
    this.root.replaceChildren();
  }

  // pin puts a person into the spotlight: the screen they share, else their
  // camera; again, back.
  pin(peer) {
    const key = [`${peer}/screen`, `${peer}/camera`].find((k) => this.#tiles.has(k));
    if (key) this.#pick(key);
  }

  #pick(key) {
    this.#chosen = this.#chosen?.pin === key ? { grid: true } : { pin: key };
    this.layout();
  }

  toggleGrid() {
    this.#chosen = this.spotlit() ? { grid: true } : null;
    if (!this.#chosen && !this.spotlit()) this.#chosen = { follow: true };
    this.layout();
  }

  follow() {
    this.#chosen = { follow: true };
    this.layout();
  }

  zoom() {
    this.#full = !this.#full;
    document.body.classList.toggle("zoomed", this.#full);
    this.layout();
  }

  // spotlit is the key of the tile in the spotlight, or "" in the grid.
  spotlit() {
    const c = this.#chosen;
    if (c?.pin && this.#tiles.has(c.pin)) return c.pin;
    if (c?.grid) return "";
    const screen = this.#order.find((k) => k.endsWith("/screen") && !k.startsWith(this.call.self));
    if (screen) return screen;
    if (c?.follow && this.#order.length > 1) {
      return this.#tiles.has(`${this.#speaker}/camera`) ? `${this.#speaker}/camera` : this.#order[1];
    }
    return "";
  }

  // spoke says who is loudest at present.
  spoke(peer, now) {
    if (peer === this.#speaker || now - this.#spokeAt < followHold) return;
    this.#speaker = peer;
    this.#spokeAt = now;
    if (this.#chosen?.follow) this.layout();
  }

  render(view, serverUp) {
    const want = new Map();
    const own = this.call.media;
    want.set(`${view.self}/camera`, {
      id: view.self, name: view.name, label: `${view.name} (you)`, track: own.track(1), on: view.media.camera,
      mirror: true, screen: false, micOn: view.media.mic, b: null, stalled: false,
    });
    if (view.media.screen) {
      want.set(`${view.self}/screen`, {
        id: view.self, name: view.name, label: "your screen", track: own.track(2), on: true, mirror: false, screen: true, micOn: true, b: null, stalled: false,
      });
    }
    for (const p of view.peers) {
      const tracks = this.call.mesh.sessionOf(p.id)?.tracks() ?? [];
      const b = p.state === "connected" && !p.oneWay && !p.silent && !p.unheard ? null : badge(p, serverUp);
      const shared = { id: p.id, name: p.name, mirror: false, micOn: p.media.mic, b, stalled: p.state !== "connected" };
      want.set(`${p.id}/camera`, { ...shared, label: p.media.recording ? `${p.name} · REC` : p.name, track: tracks[1] ?? null, on: p.media.camera, screen: false });
      if (p.media.screen) want.set(`${p.id}/screen`, { ...shared, label: `${p.name} · screen`, track: tracks[2] ?? null, on: true, screen: true });
    }
    let changed = want.size !== this.#tiles.size;
    for (const [key, t] of this.#tiles) {
      if (want.has(key)) continue;
      t.clear();
      t.root.remove();
      this.#tiles.delete(key);
      changed = true;
    }
    for (const [key, w] of want) {
      let t = this.#tiles.get(key);
      if (!t) {
        t = new Tile(key, (k) => this.#pick(k));
        this.#tiles.set(key, t);
        changed = true;
      }
      t.show(w);
    }
    const order = [...want.keys()];
    if (changed || order.join() !== this.#order.join()) {
      this.#order = order;
      this.layout();
    } else {
      this.#tell();
    }
  }

  // speaking marks who is heard.
  speaking(levels) {
    for (const [key, t] of this.#tiles) {
      t.root.classList.toggle("speaking", key.endsWith("/camera") && (levels.get(key.slice(0, -7)) ?? 0) > 0.02);
    }
  }

  layout() {
    const spot = this.spotlit();
    const roots = this.#order.map((k) => this.#tiles.get(k).root);
    this.root.classList.toggle("spotlight", spot !== "");
    for (const k of this.#order) {
      this.#tiles.get(k).root.classList.toggle("big", k === spot);
      attribute(this.#tiles.get(k).root, "aria-pressed", k === spot);
    }
    if (spot) {
      const rest = this.#order.filter((k) => k !== spot).map((k) => this.#tiles.get(k).root);
      arrange(this.strip, rest);
      arrange(this.root, rest.length ? [this.#tiles.get(spot).root, this.strip] : [this.#tiles.get(spot).root]);
    } else {
      arrange(this.root, roots);
      const { width, height } = this.root.getBoundingClientRect();
      const columns = width && height ? bestColumns(roots.length, width, height) : 1;
      this.root.style.setProperty("--columns", columns);
      this.root.style.setProperty("--rows", Math.ceil(roots.length / columns));
      this.root.style.setProperty("--tallest", `${Math.floor(width / columns * 3 / 4)}px`);
    }
    this.#tell();
  }

  // #tell tells every peer at which sizes its pictures are shown.
  #tell() {
    const sizes = new Map();
    for (const [key, t] of this.#tiles) {
      const [peer, kind] = key.split("/");
      if (peer === this.call.self) continue;
      const view = sizes.get(peer) ?? { camera: [0, 0], screen: [0, 0] };
      view[kind] = t.size();
      sizes.set(peer, view);
    }
    this.onLayout(sizes);
  }
}

// arrange makes children the children of root, moving as few as possible: a
// video that is taken out of the page stops.
function arrange(root, children) {
  for (const c of [...root.children]) if (!children.includes(c)) c.remove();
  children.forEach((c, i) => {
    if (root.children[i] !== c) root.insertBefore(c, root.children[i] ?? null);
  });
}
