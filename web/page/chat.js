// What was said: a message heard twice is shown once, and those who were away
// can be told (docs/PROTOCOL.md, "Data channel").

import { block, line } from "./safetext.js";
import { rules } from "./rules.js";

const { maxChatText: maxText, chatHistory: history, chatShare: share, maxChatShare: maxShareSize } = rules;

export class ChatLog {
  #n = 0;
  #seen = new Set();
  lines = [];

  constructor(self, inc) {
    this.self = self;
    this.inc = inc;
  }

  // write makes a message of our own, or null of an empty text.
  write(name, text, at) {
    text = block(text, maxText);
    if (!text) return null;
    const said = { id: `${this.self}/${this.inc}/${++this.#n}`, from: this.self, name, text, at };
    this.#keep(said);
    return said;
  }

  // hear takes messages from a peer {id, name} and returns those that are new,
  // cleaned. A live message is its sender's, whatever it claims.
  hear(from, live, list) {
    if (!Array.isArray(list)) return [];
    const fresh = [];
    for (const c of list.slice(0, share)) {
      if (c === null || typeof c !== "object" || typeof c.id !== "string" || !c.id || c.id.length > rules.maxChatID) continue;
      const author = live ? from.id : c.from;
      const said = {
        id: c.id, from: author, text: block(c.text, maxText), name: line(live ? from.name : c.name, rules.maxName),
        at: Number.isFinite(c.at) ? c.at : 0,
      };
      if (typeof author !== "string" || author === this.self || !said.text || this.#seen.has(said.id)) continue;
      this.#keep(said);
      fresh.push(said);
    }
    return fresh;
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
      size += new TextEncoder().encode(this.lines[from - 1].text).length + 200;
      if (size > maxShareSize) break;
      from--;
    }
    return this.lines.slice(from);
  }
}
