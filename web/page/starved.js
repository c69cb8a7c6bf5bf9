// Starvation compares what a peer says it has sent over the present connection
// with what arrived, report by report (rtc/starved.go). It belongs to one
// session.

import { rules } from "./rules.js";

const { dryPackets, dryReports, dryInterval } = rules;

export const kinds = ["mic", "camera", "screen"];

export class Starvation {
  #at = 0;
  #sent = [0, 0, 0];
  #got = [0, 0, 0];
  #dry = [0, 0, 0];

  // report takes the peer's counters and ours and returns the kinds that it
  // sends and we do not get.
  report(now, sent, got) {
    if (this.#at && now - this.#at < dryInterval) {
      this.#sent = [...sent];
      return this.#missing();
    }
    for (let k = 0; k < 3; k++) {
      if (!this.#at || got[k] !== this.#got[k]) this.#dry[k] = 0;
      else if (sent[k] >= this.#sent[k] + dryPackets) this.#dry[k]++;
      else if (sent[k] === this.#sent[k]) this.#dry[k] = 0; // it stopped: nothing is missing
    }
    this.#at = now;
    this.#sent = [...sent];
    this.#got = [...got];
    return this.#missing();
  }

  #missing() { return kinds.filter((_, k) => this.#dry[k] >= dryReports); }
}
