// What we send: one microphone, one camera, one screen. A source that is off
// has no track, so that nothing of it leaves the machine; a camera that is off
// is closed, light included.

const micWants = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const cameraWants = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24, max: 30 } };
const screenWants = { video: { frameRate: { ideal: 15, max: 30 } }, audio: false };

// whyNot says in plain words why a source cannot be had.
export function whyNot(err, what) {
  if (!globalThis.isSecureContext) {
    return `No ${what}: browsers give it to secure pages only. Open this page by https, or as localhost.`;
  }
  switch (err?.name) {
    case "NotAllowedError": case "SecurityError": return `No ${what}: this page was not allowed to use it. Allow it beside the address, then try again.`;
    case "NotFoundError": case "OverconstrainedError": return `No ${what} was found.`;
    case "NotReadableError": case "AbortError": return `The ${what} is in use by another program.`;
  }
  return `No ${what}: ${err?.message || "this browser does not offer it"}.`;
}

// Media owns the sources of this participant.
export class Media {
  #tracks = [null, null, null]; // what the senders get
  #mic = null; // open, whether on or off
  #subscribers = new Set();
  #meter = null;
  #wishes = { camera: 0, screen: 0, mic: 0 };
  devices = { mic: "", camera: "" };

  // onEnded is told when a source ended by itself, e.g. an unplugged camera.
  constructor(onEnded) { this.onEnded = onEnded; }

  track(kind) { return this.#tracks[kind]; }

  get on() { return { mic: this.#tracks[0] !== null, camera: this.#tracks[1] !== null, screen: this.#tracks[2] !== null }; }

  // subscribe calls f after every change until the returned function is called.
  subscribe(f) {
    this.#subscribers.add(f);
    return () => this.#subscribers.delete(f);
  }

  #set(kind, track) {
    if (this.#tracks[kind] === track) return;
    this.#tracks[kind] = track;
    for (const f of this.#subscribers) f();
  }

  static #devices() {
    if (!navigator.mediaDevices) throw Object.assign(new Error(), { name: "Unavailable" });
    return navigator.mediaDevices;
  }

  // setMic switches the microphone. It stays open while muted, without a track
  // for anyone.
  async setMic(on) {
    const wish = ++this.#wishes.mic;
    if (!on) {
      if (this.#mic) this.#mic.enabled = false;
      this.#set(0, null);
      return;
    }
    if (!this.#mic || this.#mic.readyState === "ended") {
      const exact = this.devices.mic ? { deviceId: { exact: this.devices.mic } } : {};
      const stream = await Media.#devices().getUserMedia({ audio: { ...micWants, ...exact } });
      const [track] = stream.getAudioTracks();
      this.#mic = track;
      track.onended = () => this.#ended(0, track);
      this.#listen(stream);
    }
    if (wish !== this.#wishes.mic) return;
    this.#mic.enabled = true;
    this.#set(0, this.#mic);
  }

  async setCamera(on) {
    const exact = this.devices.camera ? { deviceId: { exact: this.devices.camera } } : {};
    await this.#switch("camera", 1, on, () => Media.#devices().getUserMedia({ video: { ...cameraWants, ...exact } }));
  }

  async setScreen(on) {
    await this.#switch("screen", 2, on, () => {
      const d = Media.#devices();
      if (!d.getDisplayMedia) throw Object.assign(new Error("this browser cannot share a screen"), { name: "Unavailable" });
      return d.getDisplayMedia(screenWants);
    });
  }

  async #switch(what, kind, on, open) {
    const wish = ++this.#wishes[what];
    if (!on) {
      const track = this.#tracks[kind];
      this.#set(kind, null);
      track?.stop();
      return;
    }
    if (this.#tracks[kind]) return;
    const stream = await open();
    const [track] = stream.getVideoTracks();
    if (wish !== this.#wishes[what]) { // switched off again meanwhile
      track.stop();
      return;
    }
    track.contentHint = kind === 2 ? "detail" : "motion";
    track.onended = () => this.#ended(kind, track);
    this.#set(kind, track);
  }

  #ended(kind, track) {
    if (kind === 0 && this.#mic === track) this.#mic = null;
    if (this.#tracks[kind] !== track) return;
    this.#set(kind, null);
    this.onEnded(kind);
  }

  // use changes a device; a source that is on moves over to it.
  async use(what, id) {
    if (this.devices[what] === id) return;
    this.devices[what] = id;
    if (what === "mic") {
      const on = this.on.mic;
      this.#set(0, null);
      this.#mic?.stop();
      this.#mic = null;
      if (on) await this.setMic(true);
    } else if (this.on.camera) {
      await this.setCamera(false);
      await this.setCamera(true);
    }
  }

  #listen(stream) {
    const Context = globalThis.AudioContext ?? globalThis.webkitAudioContext;
    if (!Context) return;
    this.#meter?.context.close();
    const context = new Context(), analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    this.#meter = { context, analyser, samples: new Float32Array(analyser.fftSize) };
  }

  // level is how loud the microphone is, 0 to 1; 0 while muted.
  level() {
    if (!this.#meter || !this.on.mic) return 0;
    const { analyser, samples, context } = this.#meter;
    if (context.state === "suspended") context.resume();
    analyser.getFloatTimeDomainData(samples);
    return Math.min(1, Math.hypot(...samples) / Math.sqrt(samples.length) * 3);
  }

  // close gives everything back.
  close() {
    for (const t of [this.#mic, this.#tracks[1], this.#tracks[2]]) t?.stop();
    this.#tracks = [null, null, null];
    this.#meter?.context.close();
    this.#meter = null;
  }
}
