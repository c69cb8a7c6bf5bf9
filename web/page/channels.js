// The data channels of a connection besides the first: a closed list, opened by
// the side that makes the offers and accepted by the other, anew with each
// connection (docs/PROTOCOL.md, "Other channels").

const list = {
  terminal: { ordered: false, maxRetransmits: 1, most: 64 << 10 },
  file: { ordered: true, maxRetransmits: null, most: 256 << 10 },
};
const maxMessage = 64 << 10; // bytes
const maxStray = 16;

// fits reports whether a channel is on the list and carried as it should be.
export function fits(d) {
  const p = Object.hasOwn(list, d.label) ? list[d.label] : null;
  return p !== null && d.ordered === p.ordered && (d.maxRetransmits ?? null) === p.maxRetransmits && (d.maxPacketLifeTime ?? null) === null;
}

// Channels are those of one connection. tell(what, label, data) hears of "open",
// "closed" and "message"; heard() of every sign of the peer; stray() of a peer who
// opens channels without end.
export class Channels {
  #open = new Map(); // label -> channel
  #made = new Set(); // labels
  #strays = 0;

  constructor(pc, offerer, { tell, heard, stray }) {
    Object.assign(this, { tell, heard, stray });
    if (offerer) {
      for (const [label, { ordered, maxRetransmits }] of Object.entries(list)) {
        this.#take(pc.createDataChannel(label, maxRetransmits === null ? { ordered } : { ordered, maxRetransmits }));
      }
    }
    pc.ondatachannel = ({ channel }) => {
      if (!offerer && fits(channel) && !this.#made.has(channel.label)) return this.#take(channel);
      channel.close();
      if (++this.#strays > maxStray) this.stray();
    };
  }

  #take(d) {
    const { label } = d;
    this.#made.add(label);
    d.binaryType = "arraybuffer";
    d.onopen = () => {
      if (this.#open.has(label)) return;
      this.#open.set(label, d);
      this.tell("open", label);
    };
    d.onmessage = (e) => {
      this.heard();
      if (typeof e.data === "string") return;
      d.onopen();
      this.tell("message", label, new Uint8Array(e.data));
    };
    d.onclose = () => this.#end(label);
    if (d.readyState === "open") d.onopen();
  }

  #end(label) {
    if (this.#open.delete(label)) this.tell("closed", label);
  }

  // waiting is how many bytes of a channel wait to be sent.
  waiting(label) { return this.#open.get(label)?.bufferedAmount ?? 0; }

  // send sends one message at once or not at all, and reports which.
  send(label, bytes) {
    const d = this.#open.get(label);
    if (!d || d.readyState !== "open" || bytes.length > maxMessage || d.bufferedAmount + bytes.length > list[label].most) return false;
    try {
      d.send(bytes);
      return true;
    } catch {
      return false;
    }
  }

  close() {
    for (const [label, d] of [...this.#open]) {
      d.onopen = d.onmessage = d.onclose = null;
      this.#end(label);
    }
  }
}
