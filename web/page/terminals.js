// The terminals that people share, as grids of characters. They are looked at here,
// and not typed in.

import { el, put } from "./dom.js";
import { line as cleanLine } from "./safetext.js";
import { TerminalReceiver } from "./termsync.js";

const most = 8; // that one person shares
const waiting = 64; // messages of one terminal that wait to be read; more are dropped

const palette = ["#2e3436", "#cc0000", "#4e9a06", "#c4a000", "#3465a4", "#75507b", "#06989a", "#d3d7cf",
  "#555753", "#ef2929", "#8ae234", "#fce94f", "#729fcf", "#ad7fa8", "#34e2e2", "#eeeeec"];

// css is what a colour of a style is here: a number of the palette, or a colour.
export function css(c) {
  if (c === null || typeof c === "string") return c ?? "";
  if (c < 16) return palette[c];
  if (c >= 232) return `rgb(${[0, 0, 0].fill(8 + 10 * (c - 232)).join(", ")})`;
  const step = (n) => (n === 0 ? 0 : 55 + 40 * n);
  return `rgb(${[Math.floor((c - 16) / 36), Math.floor((c - 16) / 6) % 6, (c - 16) % 6].map(step).join(", ")})`;
}

// spans are the runs of a line that look alike: {text, style, wide, cursor}.
export function spans(line, cursor) {
  const out = [];
  line.forEach((c, x) => {
    if (c.tail) return;
    const text = c.text === "" ? " " : c.text, alone = c.width === 2 || text.length > 1 || text > "~" || x === cursor;
    const last = out.at(-1);
    if (!alone && last && !last.alone && last.style === c.style) last.text += text;
    else out.push({ text, style: c.style, wide: c.width === 2, alone, cursor: x === cursor });
  });
  return out;
}

class View {
  #busy = Promise.resolve();
  #queued = 0;
  #dirty = false;

  constructor(about, name, send) {
    this.about = about;
    this.send = send;
    this.receiver = new TerminalReceiver(about.id, about.i, crypto.getRandomValues(new Uint32Array(1))[0]);
    this.title = el("figcaption", {});
    this.grid = el("pre", { className: "cells", tabIndex: 0, role: "img" });
    this.root = el("figure", { className: "terminal" }, this.title, this.grid);
    this.name(name);
  }

  name(name) {
    const typing = this.about.typing.length > 0 ? ` · ${this.about.typing.length} typing along` : "";
    put(this.title, `${name} · ${this.about.title}${typing}`);
    this.grid.setAttribute("aria-label", `terminal of ${name}: ${this.about.title}`);
  }

  take(bytes) {
    if (this.#queued >= waiting) return;
    this.#queued++;
    this.#busy = this.#busy.then(() => this.receiver.take(performance.now(), bytes)).then((changed) => {
      if (changed) this.draw();
      this.poll();
    }).catch((err) => console.debug("a state of a terminal was dropped", err)).finally(() => { this.#queued--; });
  }

  poll() {
    const m = this.receiver.poll(performance.now());
    if (m) this.send(m);
  }

  // draw draws the newest state once, with the next frame.
  draw() {
    if (this.#dirty) return;
    this.#dirty = true;
    requestAnimationFrame(() => {
      this.#dirty = false;
      const s = this.receiver.state;
      if (!s) return;
      this.grid.style.setProperty("--cols", s.cols);
      this.grid.replaceChildren(...s.lines.map((line, y) => this.#line(line, s.y === y && !s.hidden ? s.x : -1)));
    });
  }

  #line(line, cursor) {
    const row = el("div", { className: "row" });
    for (const { text, style, wide, alone, cursor: at } of spans(line, cursor)) {
      if (!style && !alone) {
        row.append(text);
        continue;
      }
      const span = el("span", { textContent: text, className: `${alone ? wide ? "wide" : "one" : ""}${at ? " cursor" : ""}` });
      const a = style?.attr ?? 0;
      let fg = css(style?.fg ?? null), bg = css(style?.bg ?? null);
      if (a & 32) [fg, bg] = [bg || "var(--cells-bg)", fg || "var(--cells-fg)"];
      Object.assign(span.style, { color: fg, backgroundColor: bg });
      if (a & 1) span.style.fontWeight = "bold";
      if (a & 2) span.style.opacity = "0.7";
      if (a & 4) span.style.fontStyle = "italic";
      if (a & 8 || a & 128) span.style.textDecoration = `${a & 8 ? "underline " : ""}${a & 128 ? "line-through" : ""}`;
      row.append(span);
    }
    return row;
  }
}

// checked is what a peer says that it shares, as far as it makes sense.
export function checked(list) {
  const out = new Map();
  for (const a of Array.isArray(list) ? list.slice(0, most) : []) {
    const ok = Number.isInteger(a?.id) && a.id > 0 && a.id < 256 && Number.isInteger(a.i) && a.i > 0 && a.i < 65536;
    if (ok) out.set(a.id, { id: a.id, i: a.i, title: cleanLine(String(a.title ?? ""), 60) || "terminal", typing: Array.isArray(a.typing) ? a.typing.slice(0, 16) : [] });
  }
  return out;
}

export class Terminals {
  #views = new Map(); // peer -> id -> View
  #sessions = new Map(); // peer -> session on which the channel is open

  constructor(root, nameOf) {
    Object.assign(this, { root, nameOf });
    this.timer = setInterval(() => this.#each((v) => v.poll()), 100);
  }

  close() {
    clearInterval(this.timer);
    this.root.replaceChildren();
  }

  #each(f) { for (const [peer, all] of this.#views) for (const v of all.values()) f(v, peer); }

  // heard takes the whole list of what a peer shares.
  heard(peer, list) {
    const now = checked(list), all = this.#views.get(peer) ?? new Map();
    for (const [id, v] of all) {
      if (now.get(id)?.i === v.about.i) continue;
      v.root.remove();
      all.delete(id);
    }
    for (const [id, about] of now) {
      let v = all.get(id);
      if (!v) {
        v = new View(about, this.nameOf(peer), (m) => this.#sessions.get(peer)?.sendOn("terminal", m));
        all.set(id, v);
        this.root.append(v.root);
        v.poll();
      }
      v.about = about;
      v.name(this.nameOf(peer));
    }
    if (all.size > 0) this.#views.set(peer, all);
    else this.#views.delete(peer);
    this.root.hidden = this.#views.size === 0;
  }

  gone(peer) {
    this.heard(peer, []);
    this.#sessions.delete(peer);
  }

  // channel takes what happens on the channel for terminals.
  channel(what, peer, session, bytes) {
    if (what === "open") {
      this.#sessions.set(peer, session);
      for (const v of this.#views.get(peer)?.values() ?? []) {
        v.receiver.again(performance.now());
        v.poll();
      }
    } else if (what === "closed") {
      if (this.#sessions.get(peer) === session) this.#sessions.delete(peer);
    } else if (bytes.length > 1 && this.#sessions.get(peer) === session) this.#views.get(peer)?.get(bytes[1])?.take(bytes);
  }
}
