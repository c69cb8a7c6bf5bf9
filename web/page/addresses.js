// What addresses this machine has at present. Nobody tells a page when they change,
// or only seconds later; asking a connection of one's own does.

const patience = 300; // ms for the answer

// localAddresses is a set of them, empty when the browser hides them.
export async function localAddresses() {
  const found = new Set();
  let pc;
  try {
    pc = new RTCPeerConnection();
    pc.createDataChannel("addresses");
    const gathered = new Promise((done) => {
      pc.onicecandidate = ({ candidate: c }) => {
        if (!c) done();
        else if (c.type === "host" && c.address && !c.address.endsWith(".local")) found.add(c.address);
      };
      setTimeout(done, patience);
    });
    await pc.setLocalDescription(await pc.createOffer());
    await gathered;
  } catch { /* then nothing is known */ }
  pc?.close();
  return found;
}

// Suspicion looks for an address that is gone while nothing is heard of anybody. It
// is given the mesh and what to do when one is, once for each path: lost(peers).
export class Suspicion {
  #askedAt = -Infinity;
  #asking = false;
  #told = new Map(); // peer -> the end of its path that was said to be gone

  constructor(mesh, lost) {
    this.mesh = mesh;
    this.lost = lost;
    this.ask = localAddresses;
  }

  // look is called often. Silence where sound should be is suspicious at once.
  look(now) {
    const peers = this.mesh.view().peers.filter((p) => p.state === "connected" || p.state === "disconnected");
    const sessions = peers.map((p) => this.mesh.sessionOf(p.id)).filter((s) => s?.transport?.localType === "host");
    if (!sessions.length || this.#asking) return;
    const silence = Math.min(...sessions.map((s) => now - Math.max(s.pulse.heard, s.heardAt())));
    const sound = peers.some((p) => p.media.mic);
    if (silence < (sound ? 300 : 1200) || now - this.#askedAt < (sound && silence < 5000 ? 250 : 2500)) return;
    this.#askedAt = now;
    this.#asking = true;
    this.ask().then((have) => {
      this.#asking = false;
      if (!have.size) return;
      const gone = sessions.filter((s) => !have.has(addressOf(s.transport.localAddress)) && this.#told.get(s.peer) !== s.transport.localAddress);
      for (const s of gone) this.#told.set(s.peer, s.transport.localAddress);
      if (gone.length) this.lost(new Set(gone.map((s) => s.peer)));
    });
  }
}

const addressOf = (at) => at.slice(0, at.lastIndexOf(":")).replace(/^\[|\]$/g, "");
