// The room as a person sees it: header, banner, pictures, people, chat, toasts
// and keys. It draws the view of the call and changes nothing by itself.

import { $, attribute, el, put } from "./dom.js";
import { command, link } from "./invite.js";
import { whyNot } from "./media.js";
import { FileList } from "./fileui.js";
import { Stage } from "./stage.js";
import { Terminals } from "./terminals.js";
import { keyPrint } from "./who.js";
import { badge, banner, clock, keys, mark, toast, whoText } from "./words.js";

const toastTime = 4000;
const levelTime = 120; // between looks at the loudness
const viewTime = 250; // sizes are told once they have settled
const sources = [["mic", "microphone", "m"], ["camera", "camera", "v"], ["screen", "screen", "s"]];

export class Room {
  #rows = new Map(); // peer id -> elements of the list
  #audio = new Map(); // peer id -> {element, track}
  #volumes = new Map(); // peer id -> 0 to 1
  #hushed = new Set();
  #selected = "";
  #picked = false; // by a person
  #statsShown = false;
  #levels = new Map();
  #renderTimer = 0;
  #viewTimer = 0;
  #sizes = new Map();
  #timers = [];
  #talking = false;
  #abort = new AbortController();

  constructor(call, onLeave) {
    this.call = call;
    this.onLeave = onLeave;
    this.stage = new Stage($("stage"), call, (sizes) => this.#announce(sizes));
    this.terminals = call.terminals = new Terminals($("terminals"), (peer) => call.view().peers.find((p) => p.id === peer)?.name ?? "somebody");
    call.use("terminal", (...what) => this.terminals.channel(...what));
    $("room-title").textContent = call.invite.name;
    document.title = `${call.invite.name} · meet`;
    const open = call.invite.secret === "";
    put($("privacy"), open ? "◇ open room" : "◆ private");
    $("privacy").classList.toggle("warn", open);
    $("privacy").title = open ? "Anyone who guesses the name can join and listen, the server too. Press V for words that tell whether it does. Click to copy the invite (y)." : "Only the invite link opens it. Click to copy it (y).";
    this.#buttons();
    this.#listen();
    this.files = new FileList(call.files, {
      toast: (text, tone) => this.toast(text, tone), signal: this.#abort.signal,
      recipients: () => {
        const all = (this.latest?.peers ?? []).map((p) => p.id);
        return this.#picked && all.includes(this.#selected) ? [this.#selected] : all;
      },
    });
    call.onFile = (t) => (t ? this.files.told(t) : this.files.changed());
    this.files.render();
    $("room").hidden = false;
    this.render();
    this.#timers.push(setInterval(() => this.#hear(), levelTime), setInterval(() => this.render(), 500));
  }

  close() {
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#renderTimer);
    clearTimeout(this.#viewTimer);
    this.#abort.abort();
    this.stage.close();
    this.terminals.close();
    this.call.terminals = null;
    for (const a of this.#audio.values()) a.element.srcObject = null;
    $("list").replaceChildren();
    $("lines").replaceChildren();
    $("files").replaceChildren();
    this.call.onFile = null;
    $("toasts").replaceChildren();
    $("room").hidden = true;
  }

  // changed says that the view is new.
  changed() {
    if (this.#renderTimer) return;
    this.#renderTimer = setTimeout(() => {
      this.#renderTimer = 0;
      this.render();
    }, 16);
  }

  event(e) {
    const t = toast(e);
    if (t) this.toast(t.text, t.tone);
  }

  // toast shows one line for a while.
  toast(text, tone = "info") {
    const t = el("p", { className: `toast ${tone}`, textContent: text });
    const box = $("toasts");
    box.append(t);
    while (box.children.length > 3) box.firstChild.remove();
    setTimeout(() => t.remove(), toastTime);
  }

  // said shows a chat message.
  said(m) {
    const when = new Date(m.at);
    const time = Number.isNaN(when.getTime()) ? "" : when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const own = m.from === this.call.self;
    const lines = $("lines");
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    const item = el("li", { className: own ? "own" : "" },
      el("span", { className: "who", textContent: own ? "you" : m.name }), " ",
      el("time", { textContent: time }), el("p", { textContent: m.text }));
    item.dataset.at = String(m.at);
    // History may be older than what is shown: it goes where it belongs.
    const after = [...lines.children].findLast((l) => Number(l.dataset.at) <= m.at);
    if (after) after.after(item);
    else lines.prepend(item);
    while (lines.children.length > 300) lines.firstChild.remove();
    if (atEnd || own) lines.scrollTop = lines.scrollHeight;
    if (!own && !$("side").classList.contains("open") && matchMedia("(max-width: 760px)").matches) {
      this.toast(`${m.name}: ${m.text.slice(0, 80)}`);
    }
  }

  render() {
    const view = this.call.view();
    const serverUp = view.server.state === "connected";
    put($("count"), `${view.connected + 1} connected`);
    put($("time"), view.since ? clock(view.now - view.since) : "");
    const text = banner(view);
    $("banner").hidden = text === "";
    put($("banner"), text);
    for (const [kind, , key] of sources) {
      const b = $(`key-${key}`), on = view.media[kind];
      attribute(b, "aria-pressed", on);
      put(b.querySelector(".value"), kind === "screen" ? (on ? "LIVE" : "OFF") : on ? "on" : "OFF");
    }
    const broken = !serverUp || view.peers.some((p) => p.state === "disconnected" || p.state === "failed");
    $("key-r").hidden = !broken;
    attribute($("key-h"), "aria-pressed", view.hands.includes(view.self));
    this.#list(view, serverUp);
    this.#stats(view);
    this.#play(view);
    this.stage.render(view, serverUp);
    this.latest = view;
  }

  #list(view, serverUp) {
    const list = $("list");
    const people = [{ id: view.self, self: true, name: `${view.name} (you)`, media: view.media }, ...view.peers];
    const ids = new Set(people.map((p) => p.id));
    if (!ids.has(this.#selected)) this.#picked = false;
    if (!this.#picked) this.#selected = view.peers[0]?.id ?? view.self;
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.root.remove();
      this.#rows.delete(id);
    }
    people.forEach((p, i) => {
      let row = this.#rows.get(p.id);
      if (!row) this.#rows.set(p.id, row = this.#row(p));
      if (list.children[i] !== row.root) list.insertBefore(row.root, list.children[i] ?? null);
      put(row.number, i > 0 && i <= 9 ? String(i) : "");
      const place = view.hands.indexOf(p.id) + 1;
      put(row.name, place ? `↑${place} ${p.name}` : p.name);
      const known = mark(p.identity);
      put(row.known, known.sign && `${known.sign} ${known.text}`);
      attribute(row.known, "class", `known ${known.tone}`);
      const b = p.self ? { symbol: "●", text: "connected", tone: "good", busy: false } : badge(p, serverUp);
      if (p.self && !serverUp) Object.assign(b, { symbol: "", text: view.server.lost ? "no server" : "Connecting...", tone: "warn", busy: true });
      put(row.badge, `${b.symbol ? `${b.symbol} ` : ""}${b.text}`);
      attribute(row.badge, "class", `badge ${b.tone}${b.busy ? " busy" : ""}`);
      const missing = p.missing?.length ? `, ${p.missing.join(" and ")} does not arrive` : "";
      put(row.media, `mic ${p.media.mic ? "on" : "OFF"} · cam ${p.media.camera ? "on" : "OFF"}${p.media.screen ? " · screen LIVE" : ""}${missing}`);
      attribute(row.name, "aria-pressed", p.id === this.#selected);
      row.root.classList.toggle("selected", p.id === this.#selected);
      if (row.volume) {
        const volume = this.#volumes.get(p.id) ?? 1;
        row.volume.disabled = this.#hushed.has(p.id);
        if (document.activeElement !== row.volume) row.volume.value = String(Math.round(volume * 100));
        put(row.hush, this.#hushed.has(p.id) ? "silenced" : "");
      }
      if (row.retry) row.retry.hidden = p.state !== "disconnected" && p.state !== "failed";
    });
  }

  #row(p) {
    const row = {
      number: el("kbd", { className: "number" }), name: el("button", { type: "button", className: "name" }), badge: el("span", { className: "badge" }), known: el("span", { className: "known" }),
      media: el("span", { className: "media dim" }), level: el("i", { className: "level", "aria-hidden": "true" }),
    };
    row.root = el("li", { id: `person-${p.id}` }, row.number, row.name, row.known, row.badge, row.media, row.level);
    row.root.addEventListener("click", (e) => {
      if (!e.target.closest("input, .small")) this.#select(p.id);
    });
    row.root.addEventListener("dblclick", () => this.stage.pin(p.id));
    if (!p.self) {
      row.known.addEventListener("click", () => {
        this.#select(p.id);
        this.#who();
      });
      row.volume = el("input", { type: "range", min: "0", max: "100", className: "volume", "aria-label": `Volume of ${p.name}` });
      row.volume.addEventListener("input", () => this.#setVolume(p.id, Number(row.volume.value) / 100));
      row.hush = el("span", { className: "hush warn" });
      row.retry = el("button", { type: "button", className: "small", textContent: "Retry now", hidden: true });
      row.retry.addEventListener("click", () => this.call.mesh.retry(p.id));
      row.root.append(el("span", { className: "more" }, row.volume, row.hush, row.retry));
    }
    return row;
  }

  #select(id) {
    this.#selected = id;
    this.#picked = true;
    this.render();
  }

  #move(step) {
    const ids = [...$("list").children].map((li) => li.id.slice(7));
    const at = ids.indexOf(this.#selected);
    this.#select(ids[(at + step + ids.length) % ids.length]);
    $("list").children[(at + step + ids.length) % ids.length]?.scrollIntoView({ block: "nearest" });
  }

  #setVolume(id, volume) {
    if (id === this.call.self) return;
    this.#volumes.set(id, Math.max(0, Math.min(1, volume)));
    this.render();
  }

  #louder(step) {
    this.#hushed.delete(this.#selected);
    this.#setVolume(this.#selected, (this.#volumes.get(this.#selected) ?? 1) + step);
  }

  #hush() {
    if (this.#selected === this.call.self) return;
    if (!this.#hushed.delete(this.#selected)) this.#hushed.add(this.#selected);
    this.render();
  }

  // #stats shows the link of the selected person.
  #stats(view) {
    const box = $("stats"), p = view.peers.find((o) => o.id === this.#selected);
    box.hidden = !this.#statsShown;
    if (box.hidden) return;
    const f = p?.figures, t = p?.transport;
    const rows = !p ? [["link", "select somebody else"]] : [
      ["link", t ? `${t.relay ? "relayed" : "direct"}, ${t.localType} to ${t.remoteType}` : "none yet"],
      ["round trip", t ? `${t.rtt} ms` : "–"], ["loss", `${(f.loss * 100).toFixed(1)} %`], ["jitter", `${f.jitter} ms`],
      ["down", `${f.down} kbit/s`], ["up", `${f.up} kbit/s`],
      ["picture", f.width ? `${f.width} × ${f.height}, ${f.fps} fps` : "–"], ["ICE", p.ice],
      ["from", t?.localAddress ?? "–"], ["to", t?.remoteAddress ?? "–"], ["program", p.agent || "–"],
    ];
    if (box.children.length !== rows.length * 2) box.replaceChildren(...rows.flatMap(() => [el("dt"), el("dd")]));
    rows.forEach(([k, v], i) => {
      put(box.children[2 * i], k);
      put(box.children[2 * i + 1], v);
    });
  }

  // #play lets everyone be heard.
  #play(view) {
    const ids = new Set(view.peers.map((p) => p.id));
    for (const [id, a] of this.#audio) {
      if (ids.has(id)) continue;
      a.element.srcObject = null;
      this.#audio.delete(id);
    }
    for (const { id } of view.peers) {
      const track = this.call.mesh.sessionOf(id)?.tracks()[0] ?? null;
      let a = this.#audio.get(id);
      if (!a) this.#audio.set(id, a = { element: new Audio(), track: null });
      if (track !== a.track) {
        a.track = track;
        a.element.srcObject = track ? new MediaStream([track]) : null;
        if (track) a.element.play().catch(() => this.#needsClick());
      }
      a.element.volume = this.#volumes.get(id) ?? 1;
      a.element.muted = this.#hushed.has(id);
    }
  }

  // #needsClick: some browsers play sound only after somebody touched the page.
  #needsClick() {
    if (this.waitsForClick) return;
    this.waitsForClick = true;
    this.toast("Click anywhere to hear the others", "warn");
    document.addEventListener("pointerdown", () => {
      this.waitsForClick = false;
      for (const a of this.#audio.values()) if (a.track) a.element.play().catch(() => {});
    }, { once: true, signal: this.#abort.signal });
  }

  // #hear looks at the loudness of everyone.
  #hear() {
    this.#levels.clear();
    let loudest = 0.02, speaker = "";
    this.#levels.set(this.call.self, this.call.media.level());
    for (const { id } of this.latest?.peers ?? []) {
      const level = this.call.mesh.sessionOf(id)?.level() ?? 0;
      this.#levels.set(id, level);
      if (level > loudest) [loudest, speaker] = [level, id];
    }
    if (speaker) this.stage.spoke(speaker, performance.now());
    for (const [id, row] of this.#rows) row.level.style.setProperty("--level", Math.min(1, Math.sqrt(this.#levels.get(id) ?? 0)).toFixed(2));
    this.stage.speaking(this.#levels);
  }

  // #announce tells the sizes of pictures once they have settled.
  #announce(sizes) {
    this.#sizes = sizes;
    if (this.#viewTimer) return;
    this.#viewTimer = setTimeout(() => {
      this.#viewTimer = 0;
      for (const [peer, view] of this.#sizes) this.call.show(peer, view);
    }, viewTime);
  }

  #buttons() {
    const nav = $("keys");
    nav.replaceChildren();
    const add = (key, label, act, more = {}) => {
      const value = el("span", { className: "value" });
      const b = el("button", { type: "button", id: `key-${key === "?" ? "help" : key}`, ...more },
        el("kbd", { textContent: key, "aria-hidden": "true" }), el("span", { className: "label", textContent: label }), value);
      b.addEventListener("click", act);
      nav.append(b);
      return b;
    };
    for (const [kind, label, key] of sources) {
      add(key, label === "microphone" ? "mic" : label, () => this.toggle(kind), { "aria-keyshortcuts": `${key} Alt+${key}`, className: "source" });
    }
    add("h", "hand", () => this.#hand());
    add("c", "chat", () => this.#openChat());
    add("p", "people", () => this.#togglePeople(), { className: "narrow" });
    add("g", "grid", () => this.stage.toggleGrid());
    add("i", "stats", () => this.#toggleStats());
    add("r", "retry now", () => this.call.mesh.retry(), { className: "warn" });
    add("?", "help", () => $("help").showModal());
    add("q", "leave", () => this.#askLeave(), { className: "danger" });
    $("help-list").replaceChildren(...keys.flatMap(([k, what]) => [el("dt", {}, el("kbd", { textContent: k })), el("dd", { textContent: what })]));
  }

  // toggle switches one of our sources.
  async toggle(kind) {
    const { media } = this.call;
    const set = { mic: "setMic", camera: "setCamera", screen: "setScreen" }[kind];
    const name = sources.find((s) => s[0] === kind)[1];
    try {
      await media[set](!media.on[kind]);
    } catch (err) {
      if (kind === "screen" && err?.name === "NotAllowedError") return; // thought better of it
      this.toast(whyNot(err, name), "bad");
    }
  }

  // #talk opens the microphone for as long as a key is held.
  #talk() {
    if (this.#talking || this.call.media.on.mic) return;
    this.#talking = true;
    this.toggle("mic");
  }

  #endTalk() {
    if (!this.#talking) return;
    this.#talking = false;
    this.call.media.setMic(false);
  }

  #hand() {
    this.call.mesh.setHand(!this.latest.hands.includes(this.call.self));
  }

  #openChat() {
    $("side").classList.add("open");
    $("text").focus();
  }

  #togglePeople() {
    if (matchMedia("(max-width: 760px)").matches) $("side").classList.toggle("open");
    else $("people").hidden = !$("people").hidden;
  }

  #toggleStats() {
    this.#statsShown = !this.#statsShown;
    if (this.#statsShown) {
      $("people").hidden = false;
      $("side").classList.add("open");
    }
    this.render();
    $("lines").scrollTop = $("lines").scrollHeight; // the chat has less room now
  }

  // #who shows who the selected person is, and the words to be sure of it.
  async #who() {
    const p = this.call.view().peers.find((o) => o.id === this.#selected), d = $("who");
    if (!p || d.open) return;
    const id = p.identity;
    put($("who-name"), p.name);
    put($("who-mark"), whoText(p.name, id));
    attribute($("who-mark"), "class", mark(id).tone);
    $("who-compare").hidden = !id;
    $("who-same").hidden = !id || id.mark === "verified";
    put($("who-words"), id?.words ?? "");
    put($("who-print"), id ? await keyPrint(id.key) : "");
    d.returnValue = "close";
    d.dataset.peer = p.id;
    d.showModal();
  }

  #askLeave() {
    const d = $("ask-leave");
    if (d.open) return;
    d.returnValue = "stay";
    d.showModal();
  }

  async #copy() {
    const text = link(this.call.invite);
    try {
      await navigator.clipboard.writeText(text);
      this.toast("Invite copied");
    } catch {
      this.toast(`${text}  or  ${command(this.call.invite)}`);
    }
  }

  #listen() {
    const { signal } = this.#abort;
    const on = (target, name, f) => target.addEventListener(name, f, { signal });
    on(document, "keydown", (e) => this.#key(e));
    on(document, "keyup", (e) => {
      if (e.key === " ") this.#endTalk();
    });
    on(window, "blur", () => this.#endTalk());
    on(document, "visibilitychange", () => this.stage.layout());
    on($("privacy"), "click", () => this.#copy());
    on($("say"), "submit", (e) => {
      e.preventDefault();
      this.call.say($("text").value);
      $("text").value = "";
    });
    on($("who"), "close", () => {
      if ($("who").returnValue === "same") this.call.verify($("who").dataset.peer);
    });
    on($("ask-leave"), "close", () => {
      if ($("ask-leave").returnValue === "leave") this.onLeave();
    });
  }

  #key(e) {
    if (!e.key) return; // a form that was filled in by the browser
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    if (e.ctrlKey || e.metaKey || e.isComposing) return;
    const kind = { m: "mic", v: "camera", s: "screen" }[e.code.startsWith("Key") ? e.code.slice(3).toLowerCase() : ""];
    if (e.altKey) {
      if (kind) {
        e.preventDefault();
        this.toggle(kind);
      }
      return;
    }
    if (document.querySelector("dialog[open]")) {
      if (key === "q" && $("ask-leave").open) $("ask-leave").close("leave");
      return;
    }
    const typing = e.target.closest?.("input:not([type=range]), textarea, select");
    if (typing) {
      if (key === "Escape") {
        typing.blur();
        $("side").classList.remove("open");
      }
      return;
    }
    if (e.shiftKey && key === "v") {
      this.#who();
      return;
    }
    if ((key === "Enter" || key === " ") && e.target.closest?.("button, .tile")) return;
    const does = {
      m: () => e.repeat || this.toggle("mic"), v: () => e.repeat || this.toggle("camera"), s: () => e.repeat || this.toggle("screen"),
      h: () => e.repeat || this.#hand(), c: () => this.#openChat(), p: () => this.#togglePeople(), g: () => this.stage.toggleGrid(), z: () => this.stage.zoom(),
      i: () => this.#toggleStats(), f: () => $("file").click(), r: () => this.call.mesh.retry(), y: () => this.#copy(), "?": () => $("help").showModal(),
      q: () => this.#askLeave(), "0": () => this.stage.follow(), k: () => this.#move(-1), ArrowUp: () => this.#move(-1),
      j: () => this.#move(1), ArrowDown: () => this.#move(1), Enter: () => this.stage.pin(this.#selected),
      "+": () => this.#louder(0.1), "=": () => this.#louder(0.1), "-": () => this.#louder(-0.1), x: () => this.#hush(),
      " ": () => e.repeat || this.#talk(),
      Escape: () => $("side").classList.remove("open"),
    }[key];
    const person = /^[1-9]$/.test(key) ? this.latest?.peers[Number(key) - 1] : null;
    if (person) {
      this.#select(person.id);
      this.stage.pin(person.id);
    } else if (does) {
      does();
    } else {
      return;
    }
    e.preventDefault();
  }
}
