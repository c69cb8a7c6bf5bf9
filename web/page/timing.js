import { rules } from "./rules.js";

// What the mesh decides by, with the two differences from the terminal program.
export const timing = Object.freeze({
  ...rules,
  // Browsers check a path that works only every 2.5 s (libwebrtc's interval for
  // stable connections), so missing answers mean something later than in pion,
  // which checks five times a second.
  unanswered: 5500,
  // The other side knows that its address is gone and asks for a restart. On the
  // side that offers, libwebrtc keeps a pair it can still write to for 2.5 s after
  // a restart, and what it sends goes nowhere: a new connection takes a fraction.
  replaceMoved: true,
});
