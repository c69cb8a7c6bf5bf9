// Before the room: a name, and a look at what the others would see and hear.
// Nothing of it is needed; people without devices join as well.

import { $, el, put } from "./dom.js";
import { newSecret } from "./invite.js";
import { whyNot } from "./media.js";
import { line } from "./safetext.js";
import { limits } from "./seal.js";

const remembered = {
  get name() {
    try {
      return localStorage.getItem("meet.name") ?? "";
    } catch {
      return ""; // storage is forbidden
    }
  },
  set name(v) {
    try {
      localStorage.setItem("meet.name", v);
    } catch { /* not remembered then */ }
  },
};

export class Lobby {
  #timer = 0;
  #abort = new AbortController();

  // onJoin is called with {name, invite} once a person is ready.
  constructor(invite, media, onJoin) {
    this.invite = invite;
    this.media = media;
    this.onJoin = onJoin;
  }

  show() {
    const { signal } = this.#abort;
    put($("lobby-room"), this.invite.name);
    $("room-field").hidden = $("private-field").hidden = this.invite.name !== "";
    $("room-name").required = this.invite.name === "";
    if (this.invite.name) {
      put($("lobby-privacy"), this.invite.secret
        ? "◆ Private: only this link opens the room. The server does not get it, as far as the page it gave you is honest."
        : "◇ Open room: whoever knows its name can join and listen, the server too.");
    }
    $("name").value = remembered.name;
    $("lobby").hidden = false;
    (this.invite.name ? $("name") : $("room-name")).focus();
    const on = (target, name, f) => target.addEventListener(name, f, { signal });
    on($("want-mic"), "change", () => this.#open("mic", $("want-mic").checked));
    on($("want-camera"), "change", () => this.#open("camera", $("want-camera").checked));
    on($("mic-device"), "change", () => this.#use("mic", $("mic-device").value));
    on($("camera-device"), "change", () => this.#use("camera", $("camera-device").value));
    on($("join"), "submit", (e) => {
      e.preventDefault();
      this.#join();
    });
    const problem = this.#problem();
    if (problem) {
      this.fail(problem);
      $("join-button").disabled = true;
      return;
    }
    this.#look();
    this.#timer = setInterval(() => {
      $("lobby-level").style.setProperty("--level", Math.sqrt(this.media.level()).toFixed(2));
    }, 80);
  }

  // #problem is why nobody can join from here, in words; "" when they can.
  #problem() {
    if (!globalThis.crypto?.subtle) {
      return "This page was opened without encryption, so the browser withholds what keeps a room private, and the microphone and camera too. " +
        "Open it by https, or as localhost on the machine of the server; whoever runs the server can start it with --tls-auto. " +
        "The terminal program joins either way.";
    }
    if (!globalThis.RTCPeerConnection) return "This browser has no WebRTC, or it is switched off.";
    if (!globalThis.WebSocket) return "This browser has no WebSocket.";
    return "";
  }

  fail(text) {
    put($("lobby-problem"), text);
    $("lobby-problem").hidden = text === "";
  }

  async #look() {
    await Promise.all([this.#open("mic", true), this.#open("camera", true)]);
    this.#devices();
  }

  async #open(kind, on) {
    const name = kind === "mic" ? "microphone" : "camera";
    try {
      await (kind === "mic" ? this.media.setMic(on) : this.media.setCamera(on));
      this.#note(kind, "");
    } catch (err) {
      $(kind === "mic" ? "want-mic" : "want-camera").checked = false;
      this.#note(kind, `${whyNot(err, name)} You can join without.`);
    }
    this.#preview();
  }

  async #use(kind, id) {
    try {
      await this.media.use(kind, id);
    } catch (err) {
      this.#note(kind, whyNot(err, kind === "mic" ? "microphone" : "camera"));
    }
    this.#preview();
  }

  #note(kind, text) {
    const id = `note-${kind}`;
    let p = $(id);
    if (!text) {
      p?.remove();
      return;
    }
    if (!p) $("lobby-notes").append(p = el("p", { id, className: "notice" }));
    put(p, text);
  }

  #preview() {
    const track = this.media.track(1), video = $("preview");
    const shown = video.srcObject?.getVideoTracks()[0] ?? null;
    if (track !== shown) video.srcObject = track ? new MediaStream([track]) : null;
    $("preview-off").hidden = track !== null;
  }

  // #devices offers a choice where there is one; their names are known only
  // after the person allowed their use.
  async #devices() {
    const all = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
    let choice = false;
    for (const [kind, id] of [["audioinput", "mic-device"], ["videoinput", "camera-device"]]) {
      const list = all.filter((d) => d.kind === kind && d.deviceId);
      $(id).replaceChildren(...list.map((d, i) => el("option", { value: d.deviceId, textContent: d.label || `${i + 1}` })));
      $(id).closest("label").hidden = list.length < 2;
      choice ||= list.length > 1;
    }
    $("devices").hidden = !choice;
  }

  #join() {
    const name = line($("name").value, limits.name);
    if (!name) {
      this.fail("Type a name that the others can read.");
      return;
    }
    remembered.name = name;
    if (this.invite.name) {
      this.onJoin({ name, invite: this.invite });
      return;
    }
    const secret = $("want-private").checked ? newSecret() : "";
    this.onJoin({ name, invite: { ...this.invite, name: $("room-name").value.toLowerCase(), secret } });
  }

  close() {
    clearInterval(this.#timer);
    this.#abort.abort();
    $("preview").srcObject = null;
    $("lobby").hidden = true;
  }
}
