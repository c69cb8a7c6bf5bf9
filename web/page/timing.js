import { rules } from "./rules.js";

// What the mesh decides by, with the one difference from the terminal program.
export const timing = Object.freeze({
  ...rules,
  // Browsers check a path that works only every 2.5 s (libwebrtc's interval for
  // stable connections), so missing answers mean something later than in pion,
  // which checks five times a second.
  unanswered: 5500,
});
