// Where the room is and what opens it, from the address of the page.

import { fromBase64url, toBase64url } from "./key.js";

const roomName = /^[a-z0-9_-]{1,64}$/;

// parseInvite reads https://host/[prefix/]ROOM or https://host/[prefix/]#ROOM.SECRET.
// It returns {name, secret, base, authority} or throws with words for a person;
// name is "" when the link names no room. authority is the fingerprint of a
// server's own authority, for programs: a browser has asked its person already.
export function parseInvite(href) {
  const url = new URL(href);
  const slash = url.pathname.lastIndexOf("/");
  const last = decodeURIComponent(url.pathname.slice(slash + 1));
  const base = url.origin + url.pathname.slice(0, slash + 1);
  const fragment = decodeURIComponent(url.hash.slice(1));
  if (fragment && last) throw new Error("The link names a room twice, in its path and after #.");
  if (last.includes(".")) throw new Error("A secret belongs after #, where no server sees it.");
  const [name, secret = "", authority = ""] = (fragment || last).split(".");
  const invite = { name: name.toLowerCase(), secret, base, authority };
  if (fragment.includes(".") && !(secret === "" && authority !== "") && !validSecret(secret)) {
    throw new Error("The secret in the link is damaged; copy the whole link again.");
  }
  if (invite.name && !roomName.test(invite.name)) {
    throw new Error("A room name has 1 to 64 letters a-z, digits, - and _.");
  }
  return invite;
}

function validSecret(secret) {
  try {
    const b = fromBase64url(secret);
    return b.length === 16 && b.some((v) => v !== 0);
  } catch {
    return false;
  }
}

// newSecret draws the secret of a new private room.
export function newSecret() {
  for (;;) {
    const b = crypto.getRandomValues(new Uint8Array(16));
    if (b.some((v) => v !== 0)) return toBase64url(b);
  }
}

// link is what to give to others.
export function link({ base, name, secret, authority }) {
  if (authority) return `${base}#${name}.${secret}.${authority}`;
  return secret ? `${base}#${name}.${secret}` : base + name;
}

// command is the line to type in a terminal; quoted, for the #.
export function command(invite) {
  const to = link(invite);
  return to.includes("#") ? `meet join "${to}"` : `meet join ${to}`;
}

// socketURL is the address of the WebSocket.
export function socketURL({ base }) { return `${base.replace(/^http/, "ws")}ws`; }
