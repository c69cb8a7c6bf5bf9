// What was said: a message heard twice is shown once, and those who were away
// can be told (docs/PROTOCOL.md, "Data channel").

import { block, line } from "./safetext.js";
import { rules } from "./rules.js";

const { maxChatText: maxText, chatHistory: history, chatShare: share, maxChatShare: maxShareSize } = rules;

// signed is what the author of a line signs, for the purpose "chat".
const signed = (c) => `${c.id}|${c.at}\n${c.name}\n${c.text}`;

// authorOf reads the id of a line: author's id, incarnation and number.
function authorOf(id) {
  const m = /^([\w-]{22})\/(0|[1-9]\d{0,15})\/([1-9]\d{0,9})$/.exec(id);
  return m && Number.isSafeInteger(Number(m[2])) ? { from: m[1], inc: Number(m[2]) } : null;
}

export class ChatLog {
  #n = 0;
  #seen = new Set();
  #due = new Map(); // peer id -> until when it may tell what was said before
  #turn = Promise.resolve(); // lines are signed and checked one after the other
  lines = [];

  // by signs and verifies: a Sealer.
  constructor(by, inc) {
    this.by = by;
    this.inc = inc;
  }

  #inTurn(f) {
    const done = this.#turn.then(f);
    this.#turn = done.catch(() => {});
    return done;
  }

  // write makes a message of our own, or null of an empty text.
  write(name, text, at) {
    text = block(text, maxText);
    if (!text) return Promise.resolve(null);
    const said = { id: `${this.by.self}/${this.inc}/${++this.#n}`, name, text, at };
    return this.#inTurn(async () => {
      Object.assign(said, await this.by.sign("chat", signed(said)));
      this.#keep(said);
      return { ...said, from: this.by.self };
    });
  }

  // opened lets a peer tell what was said before, once, within a while; admits
  // reports whether it may, and notes that it did.
  opened(peer, now) { this.#due.set(peer, now + rules.historyWithin); }

  admits(peer, now) {
    const until = this.#due.get(peer);
    this.#due.delete(peer);
    return until !== undefined && now <= until;
  }

  forget(peer) { this.#due.delete(peer); }

  // hear takes messages from a peer {id, name} and returns those that are new, as
  // they are shown. A live one is its sender's, any other its author's; what nobody
  // signed is dropped.
  hear(from, live, list) {
    if (!Array.isArray(list)) return Promise.resolve([]);
    return this.#inTurn(async () => {
      const fresh = [];
      for (const c of list.slice(0, share)) {
        const said = await this.#read(from, live, c);
        if (said) fresh.push(said);
      }
      return fresh;
    });
  }

  async #read(from, live, c) {
    if (c === null || typeof c !== "object" || ![c.id, c.name, c.text, c.key, c.sig].every((v) => typeof v === "string") ||
      !Number.isSafeInteger(c.at) || c.id.length > rules.maxChatID || c.text.length > 4 * maxText || c.name.length > 4 * maxText) return null;
    const author = authorOf(c.id), text = block(c.text, maxText);
    if (!author || author.from === this.by.self || (live && author.from !== from.id) || this.#seen.has(c.id) || !text) return null;
    try {
      await this.by.verify(author.from, author.inc, "chat", signed(c), c);
    } catch {
      return null;
    }
    const { id, name, at, key, sig } = c;
    this.#keep({ id, name, text: c.text, at, key, sig });
    return { id, from: author.from, name: line(live ? from.name : name, rules.maxName), text, at };
  }

  #keep(said) {
    this.lines.push(said);
    this.#seen.add(said.id);
    if (this.lines.length > history) this.#seen.delete(this.lines.shift().id);
  }

  // share returns the newest messages for somebody who may have missed them.
  share() {
    let size = 0, from = this.lines.length;
    while (from > 0 && this.lines.length - from < share) {
      size += new TextEncoder().encode(this.lines[from - 1].text).length + 360;
      if (size > maxShareSize) break;
      from--;
    }
    return this.lines.slice(from);
  }
}
