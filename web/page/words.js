// The words of the product: those of the terminal (tui/badge.go, banner.go,
// toast.go), so that people beside each other read the same.

// refusals are why the server does not want us, where trying again would not help.
export const refusals = {
  version: "The server speaks another version of the protocol.",
  full: "The room is full.",
  token: "The server holds this seat for someone else.",
  replaced: "Another window took this seat.",
  stopped: "The server sent everyone away.",
  bad: "The server could not read what we sent.",
};

const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const inSeconds = (now, at) => (at > now ? `in ${Math.max(1, Math.round((at - now) / 1000))} s` : "now");

// brief is a duration for people: "340 ms", "1.2 s", "2 min 5 s".
export function brief(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60000) return `${Math.round(ms / 1000)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.round(ms / 1000) % 60} s`;
}

// clock is a duration as 00:12:34.
export function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  return [s / 3600, s / 60 % 60, s % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":");
}

// badge is the connection state of a peer: symbol, words, tone and whether a
// spinner turns.
export function badge(p, serverUp) {
  switch (p.state) {
    case "new": return { symbol: "○", text: "waiting", tone: "dim", busy: false };
    case "connecting": return { symbol: "", text: "Connecting...", tone: "accent", busy: true };
    case "connected":
      if (p.silent) return { symbol: "◐", text: "you do not hear them", tone: "warn", busy: false };
      if (p.oneWay || p.unheard) return { symbol: "◐", text: "not hearing you", tone: "warn", busy: false };
      return { symbol: "●", text: "connected", tone: "good", busy: false };
    case "disconnected": {
      const detail = repairDetail(p, serverUp);
      return { symbol: "", text: `Reconnecting...${detail && ` ${detail}`}`, tone: "warn", busy: true };
    }
    case "failed": return { symbol: "✕", text: "Failed", tone: "bad", busy: false };
  }
  return { symbol: "○", text: "left", tone: "dim", busy: false };
}

// mark is how well a person is known: sign, word, tone.
export function mark(identity) {
  switch (identity?.mark) {
    case "new": return { sign: "?", text: "new", tone: "warn" };
    case "known": return { sign: "•", text: "known", tone: "dim" };
    case "verified": return { sign: "✓", text: "verified", tone: "good" };
    case "changed": return { sign: "!", text: "changed", tone: "bad" };
  }
  return { sign: "", text: "", tone: "dim" };
}

// whoText is who somebody is, in a sentence.
export function whoText(name, identity) {
  switch (identity?.mark) {
    case "new": return "new: you have not met this key before.";
    case "known": return "known: the same key as before.";
    case "verified": return "verified: you have compared this key.";
    case "changed": return `Careful: this ${name} is not the ${identity.known} you know. It is another key.`;
  }
  return "has not shown a key yet: that takes a connection.";
}

function repairDetail(p, serverUp) {
  const r = p.repair;
  if (r.attempt > 0 && !r.waiting) return `${r.attempt}/${r.of}`;
  if (p.away) return "away";
  return r.waiting && !serverUp ? "wait" : "";
}

// banner says what is broken and what is being done about it; "" when nothing
// is. The server wins over the peers.
export function banner(view) {
  const s = view.server;
  if (s.state === "closed" && s.lost) return `No server: nobody else can join. Media ${view.connected}/${view.peers.length}`;
  if (s.state === "connecting" || s.state === "reconnecting" || s.lost) {
    const text = s.lost ? `Reconnecting to server... media ${view.connected}/${view.peers.length}` : "Connecting to server...";
    if (s.attempt <= 0) return text;
    return s.retryAt > view.now + 500 ? `${text}, attempt ${s.attempt} ${inSeconds(view.now, s.retryAt)}` : `${text}, attempt ${s.attempt}`;
  }
  if (!view.reconnecting) return "";
  const broken = view.peers.filter((p) => p.state === "disconnected");
  const named = broken.slice(0, 3).map((p) => `${p.name} (${progress(p, view.now)})`);
  if (broken.length > 3) named.push(`+${broken.length - 3} more`);
  return `Reconnecting to ${plural(broken.length, "peer")}... ${named.join(", ")}`;
}

function progress(p, now) {
  const r = p.repair;
  if (p.away) return "away";
  if (r.waiting) return "waiting";
  return r.attempt ? `${r.attempt} of ${r.of}, ${inSeconds(now, r.nextAt)}` : "now";
}

// toast is what a person should read about an event, as {text, tone}, or null.
export function toast(e) {
  switch (e.event) {
    case "reconnected": {
      const how = e.attempts === 0 ? "by itself" : plural(e.attempts, "attempt");
      return { text: `Reconnected to ${e.name} (${how}, ${brief(e.outage)})`, tone: "good" };
    }
    case "reconnect-failed": return { text: `Failed to reconnect to ${e.name} after ${plural(e.attempts, "attempt")}`, tone: "bad" };
    case "server-state-changed":
      if (e.state === "connected" && e.previous === "reconnecting") return { text: "Reconnected to server", tone: "good" };
      if (e.state === "reconnecting" && e.previous === "connected") return { text: "Lost the server; the call goes on", tone: "warn" };
      return null;
    case "identity":
      if (e.mark === "changed") return { text: `Careful: this ${e.name} is not the ${e.known} you know. Compare the words (V) before you trust them`, tone: "bad" };
      if (e.mark === "new") return { text: `You meet ${e.name} for the first time`, tone: "info" };
      return null;
    case "server-left":
      return { text: `${refusals[e.code] ?? "The server sent us away."} The call goes on with those who are connected`, tone: "warn" };
    case "hearing-lost": return { text: hearing(e.name, e.heard, e.hears), tone: "warn" };
    case "hand-raised": {
      const whose = e.own ? "Your" : `${e.name}'s`;
      return { text: `${whose} hand is ${e.on ? "up" : "down"}${e.place > 1 ? `, number ${e.place} in line` : ""}`, tone: "info" };
    }
    case "pictures-paused": return paused(e);
    case "peer-joined": return { text: `${e.name} joined`, tone: "info" };
    case "peer-left": return e.crashed ? { text: `${e.name} lost connection`, tone: "warn" } : { text: `${e.name} left`, tone: "info" };
  }
  return null;
}

// paused says whose pictures do not come.
function paused(e) {
  const what = e.kind === "screen" ? "screen" : "picture";
  if (e.paused) return { text: `The line is too thin for the ${what} of ${e.name}; the sound goes on`, tone: "warn" };
  return { text: `The ${what} of ${e.name} is back`, tone: "good" };
}

// hearing says who does not hear whom.
function hearing(name, heard, hears) {
  if (!heard && !hears) return `You and ${name} do not hear each other`;
  return hears ? `${name} does not hear you` : `You do not hear ${name}`;
}

// keys are what the keyboard does, as help shows it: the letters of the
// terminal.
export const keys = [
  ["m", "microphone on or off"], ["v", "camera on or off"], ["s", "share the screen or stop"],
  ["space", "talk while held"], ["h", "raise your hand, or take it down"], ["c", "write a message; esc leaves the text"], ["f", "send a file; one may also be dropped here"], ["1 – 9", "person in the spotlight"],
  ["0", "spotlight follows who speaks"], ["g", "everyone in a grid, or back"], ["z", "spotlight over the whole page"],
  ["↑ k, ↓ j", "select a person"], ["enter", "selected person in the spotlight"],
  ["p", "list of people on or off"], ["i", "link statistics of the selected person"],
  ["+ −", "selected person louder or quieter"], ["x", "silence the selected person here"],
  ["V", "who is it? words to compare"], ["r", "reconnect now"], ["y", "copy the invite"], ["?", "this list"], ["q", "leave; asks first"],
  ["alt+m, alt+v, alt+s", "the same while writing"],
];
