// Every duration the mesh decides by, in ms: those of the terminal program
// (rtc/timing.go), with one difference.
export const timing = Object.freeze({
  silence: 2000, // nothing heard for this long: disconnected
  // Browsers check a path that works only every 2.5 s (libwebrtc's interval for
  // stable connections), so missing answers mean something later than in pion,
  // which checks five times a second.
  unanswered: 5500,
  poll: 50, // how often a peer that is being mended is looked at
  backoff: Object.freeze([1000, 2000, 4000]), // before each attempt in a row
  grace: 300, // for a path to heal alone
  ask: 2000, // a probe may go unanswered
  await: 3000, // the answering side waits for an offer
  mend: 5000, // an offered connection may take to carry something
  rest: 15000, // between the slow retries of a failed peer
  spacing: 1000, // between repairs that the other side asked for
  linger: 30000, // a crashed peer stays listed
  report: 1000, // between reports
});
