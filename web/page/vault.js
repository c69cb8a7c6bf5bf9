// What this browser profile keeps: keys that no page can read, only use. Where
// nothing can be kept they are fresh, and nobody will know the person again.

import { newKey } from "./key.js";

const request = (r) => new Promise((resolve, reject) => {
  r.onsuccess = () => resolve(r.result);
  r.onerror = () => reject(r.error);
});

async function open() {
  const r = indexedDB.open("meet", 1);
  r.onupgradeneeded = () => r.result.createObjectStore("keys");
  return request(r);
}

// kept returns the key of a name, made on its first use.
export async function kept(name) {
  const fresh = await newKey();
  try {
    const db = await open();
    try {
      const store = db.transaction("keys", "readwrite").objectStore("keys");
      const found = await request(store.get(name));
      if (found) return found;
      await request(store.add(fresh, name)); // in the same transaction: two tabs get one key
    } finally {
      db.close();
    }
  } catch { /* storage is forbidden */ }
  return fresh;
}

// claim holds a lock on a place for the life of the page, or returns false.
function claim(place) {
  if (!navigator.locks) return Promise.resolve(false);
  return new Promise((resolve) => {
    navigator.locks.request(`meet.seat.${place}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => {}) : undefined;
    }).catch(() => resolve(false));
  });
}

const places = 64;

// seat returns this tab's key in a room. It is the same after a reload, so that who
// comes back is the same row for the others; another tab has one of its own.
export async function seat(room) {
  let was = NaN;
  try {
    was = Number(sessionStorage.getItem("meet.seat") ?? NaN);
  } catch { /* storage is forbidden */ }
  const order = [...Array(places).keys()];
  if (order.includes(was)) order.unshift(was);
  for (const place of order) {
    if (!await claim(place)) {
      if (navigator.locks) continue;
      break;
    }
    try {
      sessionStorage.setItem("meet.seat", String(place));
    } catch { /* then a reload finds the first that is free */ }
    return kept(`seat|${room}|${place}`);
  }
  return newKey();
}
