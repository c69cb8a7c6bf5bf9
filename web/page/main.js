// The page: link, lobby, room, and what comes after it.

import { Call } from "./call.js";
import { $, put } from "./dom.js";
import { link, parseInvite } from "./invite.js";
import { peerID } from "./key.js";
import { Lobby } from "./lobby.js";
import { Media } from "./media.js";
import { Room } from "./room.js";
import { deriveRoom } from "./seal.js";
import { kept, seat } from "./vault.js";
import { Book, personOf } from "./who.js";
import { refusals } from "./words.js";

// storage is what this profile keeps; nothing where that is forbidden.
function storage() {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem: () => {} };
  }
}

async function enter(media, { name, invite }) {
  const room = await deriveRoom(invite);
  const key = await seat(room.id);
  const self = await peerID(room.id, key.open);
  const person = await personOf(await kept("identity"), room.id, key.open);
  const inc = Date.now();
  let screen, ended = false;
  const call = new Call({
    invite, room, key, self, inc, person, people: new Book(storage()), name, media,
    onChange: () => screen?.changed(),
    onEvent: (e) => {
      if (e.event === "refused") end(refusals[e.code] ?? "The server refused the connection.", e.text);
      else screen?.event(e);
    },
    onChat: (said) => screen?.said(said),
  });
  const end = (text, more = "") => {
    if (ended) return;
    ended = true;
    call.leave();
    screen.close();
    put($("ended-text"), more ? `${text} (${more})` : text);
    $("ended").hidden = false;
    $("again").focus();
  };
  media.onEnded = (kind) => screen.toast(`The ${["microphone", "camera", "screen share"][kind]} ended`, "warn");
  screen = new Room(call, () => end("You left the meeting."));
  addEventListener("pagehide", () => call.leave());
  call.start();
  globalThis.meet = { call }; // for whoever looks from the console
}

function start() {
  const media = new Media(() => {});
  let invite;
  try {
    invite = parseInvite(location.href);
  } catch (err) {
    const lobby = new Lobby({ name: "", secret: "", base: "" }, media, () => {});
    lobby.show();
    lobby.fail(err.message);
    $("join-button").disabled = true;
    return;
  }
  const lobby = new Lobby(invite, media, async (choice) => {
    $("join-button").disabled = true;
    try {
      await enter(media, choice);
      history.replaceState(null, "", link(choice.invite)); // a reload comes back
      lobby.close();
    } catch (err) {
      $("join-button").disabled = false;
      lobby.fail(`Could not join: ${err.message}`);
    }
  });
  lobby.show();
}

$("again").addEventListener("click", () => location.reload());
addEventListener("pageshow", (e) => {
  if (e.persisted) location.reload(); // back from the history: the call is over
});
addEventListener("hashchange", () => location.reload()); // another room
start();
