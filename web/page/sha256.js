// SHA-256 (FIPS 180-4) of what comes in pieces: browsers hash only what is there whole.

const primes = (n) => {
  const out = [];
  for (let c = 2; out.length < n; c++) if (out.every((p) => c % p)) out.push(c);
  return out;
};
const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const first = primes(64).slice(0, 8).map((p) => fraction(Math.sqrt(p)));
const constants = new Int32Array(primes(64).map((p) => fraction(Math.cbrt(p))));
const turn = (x, n) => (x >>> n) | (x << (32 - n));

export class SHA256 {
  #state = new Int32Array(first);
  #rest = new Uint8Array(64);
  #filled = 0;
  #length = 0;
  #words = new Int32Array(64);

  push(bytes) {
    this.#length += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const n = Math.min(64 - this.#filled, bytes.length - at);
      this.#rest.set(bytes.subarray(at, at + n), this.#filled);
      at += n;
      this.#filled += n;
      if (this.#filled === 64) {
        this.#block();
        this.#filled = 0;
      }
    }
  }

  // hex ends it and returns the hash.
  hex() {
    const length = this.#length;
    const end = new Uint8Array(((this.#filled < 56 ? 56 : 120) - this.#filled) + 8);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(end.length - 4, (length * 8) >>> 0);
    this.push(end);
    return [...this.#state].map((w) => (w >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #block() {
    const w = this.#words, view = new DataView(this.#rest.buffer);
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(4 * i);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15], b = w[i - 2];
      w[i] = (w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.#state;
    for (let i = 0; i < 64; i++) {
      const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + w[i]) | 0;
      const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t) | 0, c, b, a, (t + u) | 0];
    }
    const s = this.#state;
    [a, b, c, d, e, f, g, h].forEach((v, i) => { s[i] = (s[i] + v) | 0; });
  }
}
