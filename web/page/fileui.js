// The files of a call as a person sees them: a list below the chat, what is chosen or
// dropped, and what can be done with each.

import { $, attribute, el, put } from "./dom.js";

const units = ["B", "kB", "MB", "GB", "TB"];

// size is a number of bytes for people.
export function size(n) {
  let i = 0;
  for (; n >= 999.5 && i < units.length - 1; i++) n /= 1000;
  return `${i > 0 && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

// sentence is what is said of a change of a transfer, and how; null says nothing.
export function sentence(t) {
  switch (t.state) {
    case "offered": return t.mine ? { text: `${t.name} is offered to ${t.who}` } : { text: `${t.who} offers ${t.name} (${size(t.size)})` };
    case "done": return { text: t.mine ? `${t.who} has ${t.name}` : `${t.name} of ${t.who} is here: save it`, tone: "good" };
    case "failed": return { text: t.mine ? `${t.name} was not sent to ${t.who}: ${t.error}` : `${t.name} of ${t.who} did not arrive: ${t.error}`, tone: "warn" };
  }
  return null;
}

export class FileList {
  #rows = new Map(); // transfer -> elements
  #timer = 0;

  // recipients() are the ids of those who get what is chosen.
  constructor(files, { toast, recipients, signal }) {
    Object.assign(this, { files, toast, recipients });
    const on = (target, name, f) => target.addEventListener(name, f, { signal });
    on($("attach"), "click", () => $("file").click());
    on($("file"), "change", () => {
      this.send([...$("file").files]);
      $("file").value = "";
    });
    const carries = (e) => [...(e.dataTransfer?.types ?? [])].includes("Files");
    on(document, "dragover", (e) => { if (carries(e)) e.preventDefault(); });
    on(document, "drop", (e) => {
      if (!carries(e)) return;
      e.preventDefault();
      this.send([...e.dataTransfer.files]);
    });
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  send(list) {
    const to = this.recipients();
    if (!to.length) this.toast("there is nobody to send it to", "warn");
    else for (const file of list) this.files.send(file, to);
  }

  told(t) {
    const said = sentence(t);
    if (said) this.toast(said.text, said.tone);
    this.render();
  }

  changed() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.render();
    }, 200);
  }

  render() {
    for (const [t, row] of this.#rows) {
      if (this.files.list.includes(t)) continue;
      row.root.remove();
      this.#rows.delete(t);
    }
    for (const t of this.files.list) this.#row(t);
    $("files").hidden = this.files.list.length === 0;
  }

  #row(t) {
    let row = this.#rows.get(t);
    if (!row) {
      const button = (text, act) => el("button", { type: "button", textContent: text, onclick: act });
      row = {
        text: el("span", {}), bar: el("progress", { max: 1, "aria-label": t.name }),
        take: button("Take", () => this.files.accept(t)), stop: button("Refuse", () => this.files.stop(t)),
        save: el("a", { textContent: "Save", hidden: true }),
      };
      row.root = el("li", {}, row.text, row.bar, row.take, row.stop, row.save);
      this.#rows.set(t, row);
      $("files").prepend(row.root);
    }
    const state = t.state === "failed" ? `: ${t.error}` : t.state === "done" ? ": done" : t.state === "offered" && t.mine ? ": waits for an answer" : "";
    put(row.text, `${t.name} (${size(t.size)}) ${t.mine ? "to" : "from"} ${t.who}${state}`);
    row.bar.hidden = t.state !== "moving";
    row.bar.value = t.size ? t.bytes / t.size : 1;
    row.take.hidden = t.mine || t.state !== "offered";
    row.stop.hidden = t.state !== "offered" && t.state !== "moving";
    put(row.stop, t.state === "offered" && !t.mine ? "Refuse" : "Stop");
    row.save.hidden = !t.url;
    if (t.url) {
      attribute(row.save, "href", t.url);
      attribute(row.save, "download", t.name);
    }
  }
}
