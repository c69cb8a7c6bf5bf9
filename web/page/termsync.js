// The viewer's end of a shared terminal (docs/PROTOCOL.md, "Shared terminals"): takes
// states apart, checks everything in them, and says what it has. What it gives away are
// lines of cells {text, width, style} that hold nothing but what can be seen.

const max = { cols: 500, rows: 300, parts: 64, inflated: 256 << 10, cluster: 32, states: 32, largeStates: 6, largeCells: 20000 };
const ackEvery = 100, refresh = 2000, first = 500; // ms
const blank = { text: "", width: 0, style: null };
const utf8 = new TextDecoder("utf-8", { fatal: true });
const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

class Reader {
  constructor(b) { this.b = b; this.at = 0; }
  get left() { return this.b.length - this.at; }
  byte() {
    if (this.at >= this.b.length) throw new Error("the message ends too early");
    return this.b[this.at++];
  }
  number(most) {
    let v = 0, scale = 1;
    for (let i = 0; i < 8; i++) {
      const b = this.byte();
      v += (b & 127) * scale;
      scale *= 128;
      if (b < 128) {
        if (v > most) break;
        return v;
      }
    }
    throw new Error("a number is out of bounds");
  }
  bytes(n) {
    if (n > this.left) throw new Error("the message ends too early");
    return this.b.subarray(this.at, this.at += n);
  }
}

const number = (out, v) => {
  for (; v >= 128; v = Math.floor(v / 128)) out.push((v % 128) | 128);
  out.push(v);
};

// inflate is RFC 1951 within bounds.
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const parts = [];
  let size = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    if ((size += value.length) > max.inflated) {
      reader.cancel().catch(() => {});
      throw new Error("too much in a message");
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

// showable reports whether a text is one cluster without anything that is obeyed, hides
// or reorders its neighbours.
function showable(text) {
  if (text === "" || text.length > max.cluster) return false;
  const chars = [...text];
  if (chars.some((c, i) => /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(c) || /\p{Cf}/u.test(c) && !(i > 0 && /[\u200c\u200d\u{e0020}-\u{e007f}]/u.test(c)))) return false;
  if (/^\p{M}/u.test(text)) return false;
  return chars.length === 1 || [...segmenter.segment(text)].length === 1;
}

function color(r) {
  switch (r.byte()) {
    case 0: return null;
    case 1: return r.byte();
    case 2: return `rgb(${r.byte()}, ${r.byte()}, ${r.byte()})`;
  }
  throw new Error("no such colour");
}

// runs puts runs into lines, which it copies before it writes to one.
function runs(r, lines, cols) {
  let style = null, y = -1, x = 0;
  const owned = new Set();
  while (r.left > 0) {
    const flags = r.byte();
    if (flags & ~31) throw new Error("no such run");
    if (flags & 1) [y, x] = [r.number(lines.length - 1), 0];
    x += r.number(cols);
    if (flags & 2) {
      const attr = r.byte();
      style = { attr, fg: color(r), bg: color(r) };
      if (attr === 0 && style.fg === null && style.bg === null) style = null;
    }
    if (y < 0 || x >= cols) throw new Error("a run is out of bounds");
    if (!owned.has(y)) {
      owned.add(y);
      lines[y] = lines[y].slice();
    }
    const line = lines[y];
    if (flags & 4) {
      const n = r.number(cols - x);
      for (let i = 0; i < n; i++) line[x + i] = { text: "", width: 0, style };
      x += n;
      continue;
    }
    const bytes = r.bytes(r.number(cols * max.cluster));
    if (bytes.length === 0) throw new Error("a run without text");
    let text;
    try { text = utf8.decode(bytes); } catch { text = "\ufffd".repeat(Math.min(bytes.length, cols)); }
    const width = flags & 16 ? 2 : 1;
    for (const c of flags & 8 ? [text] : text) {
      if (x + width > cols) throw new Error("a run is out of bounds");
      line[x] = { text: showable(c) ? c : "\ufffd", width, style };
      if (width === 2) line[x + 1] = { text: "", width: 0, style, tail: true };
      x += width;
    }
  }
}

const empty = (cols, rows) => Array.from({ length: rows }, () => new Array(cols).fill(blank));

// moved returns the lines after a shift; those that come in are blank.
const moved = (lines, { top, bottom, by }, cols) => by === 0 ? lines.slice() : lines.map((line, y) => {
  if (y < top || y > bottom) return line;
  return y + by >= top && y + by <= bottom ? lines[y + by] : new Array(cols).fill(blank);
});

function head(r, base) {
  const flags = r.byte();
  const f = { cols: r.number(max.cols), rows: r.number(max.rows), move: { top: 0, bottom: 0, by: 0 } };
  if (f.cols < 1 || f.rows < 1 || flags >> 4 > 6 || flags & 8 || base && (base.cols !== f.cols || base.rows !== f.rows)) throw new Error("a size is out of bounds");
  f.x = r.number(f.cols - 1);
  f.y = r.number(f.rows - 1);
  f.hidden = (flags & 1) !== 0;
  r.number(Number.MAX_SAFE_INTEGER); // lines that left at the top
  if (flags & 4) {
    const top = r.number(f.rows - 1), bottom = r.number(f.rows - 1), by = r.number(2 * f.rows + 1);
    if (bottom < top || !base) throw new Error("lines move out of bounds");
    f.move = { top, bottom, by: by & 1 ? -(by >> 1) : by >> 1 };
  }
  return f;
}

// TerminalReceiver looks at terminal id of a peer; instance tells it from an earlier
// one, viewer is a random number of 32 bits.
export class TerminalReceiver {
  state = null; // {number, cols, rows, x, y, hidden, lines}
  #states = [];
  #partial = new Map(); // number -> {frame, base, parts, have, lines}
  #ackDue = 0; // 0: nothing to confirm
  #ackedAt = -Infinity;
  #newAt = 0;
  #missing = false;

  constructor(id, instance, viewer) { Object.assign(this, { id, instance, viewer }); }

  // take takes a message and reports whether there is something new to see. It throws
  // on what no honest sharer sends.
  async take(now, bytes) {
    const r = new Reader(bytes);
    if (r.byte() !== 1 || r.byte() !== this.id || r.byte() * 256 + r.byte() !== this.instance) return false;
    const n = r.number(2 ** 32 - 1), back = r.number(n), part = r.byte(), parts = r.byte(), deflated = r.byte();
    r.number(2 ** 32 - 1); // keys: we type none
    if (n === 0 || parts === 0 || parts > max.parts || part >= parts || deflated > 1) throw new Error("a number is out of bounds");
    if (this.state && n <= this.state.number) return false;
    const base = back > 0 ? this.#states.find((s) => s.number === n - back) : null;
    if (back > 0 && !base) {
      if (!this.#missing) [this.#missing, this.#ackDue] = [true, now];
      return false;
    }
    const body = r.bytes(r.left);
    const whole = this.#part(n, base, part, parts, deflated ? await inflate(body) : body);
    if (!whole || this.state && n <= this.state.number) return false;
    this.#store(now, whole);
    return true;
  }

  #part(n, base, part, parts, body) {
    const r = new Reader(body), f = head(r, base);
    let p = this.#partial.get(n);
    if (!p) {
      p = { frame: f, base: base?.number ?? 0, parts, have: new Set(), lines: base ? moved(base.lines, f.move, f.cols) : empty(f.cols, f.rows) };
      this.#partial.set(n, p);
      if (this.#partial.size > 4) this.#partial.delete(this.#partial.keys().next().value);
    }
    if (p.parts !== parts || p.frame.cols !== f.cols || p.frame.rows !== f.rows || p.base !== (base?.number ?? 0)) throw new Error("parts do not fit together");
    if (p.have.has(part)) return null;
    const lines = p.lines.slice();
    runs(r, lines, f.cols);
    p.lines = lines;
    p.have.add(part);
    return p.have.size === parts ? { ...p.frame, number: n, lines } : null;
  }

  #store(now, state) {
    this.state = state;
    this.#states.push(state);
    const kept = state.cols * state.rows > max.largeCells ? max.largeStates : max.states;
    this.#states.splice(0, Math.max(0, this.#states.length - kept));
    for (const n of this.#partial.keys()) if (n <= state.number) this.#partial.delete(n);
    this.#missing = false;
    this.#newAt = now;
    this.#ackDue = Math.max(now, this.#ackedAt + ackEvery, 1);
  }

  // again says that the connection was replaced: what we have is told at once.
  again(now) { this.#ackDue = Math.max(now, 1); }

  // poll returns the message that is to be sent now, if any.
  poll(now) {
    const rest = this.state ? refresh : first;
    if (!(this.#ackDue && now >= this.#ackDue) && now < this.#ackedAt + rest) return null;
    const out = [2, this.id, this.instance >> 8, this.instance & 255];
    number(out, this.viewer);
    number(out, this.state?.number ?? 0);
    number(out, this.state ? Math.min(60000, Math.floor(now - this.#newAt)) : 0);
    out.push(this.#missing ? 1 : 0, 0);
    this.#missing = false;
    this.#ackDue = 0;
    this.#ackedAt = now;
    return new Uint8Array(out);
  }
}
