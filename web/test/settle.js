// Waiting in tests without a clock: promises run to rest, and so does
// WebCrypto, which works on threads of its own and takes as long as it takes.

let pending = 0;
for (const name of ["encrypt", "decrypt", "importKey", "deriveKey", "deriveBits", "digest", "sign", "verify", "generateKey", "exportKey"]) {
  const original = crypto.subtle[name];
  crypto.subtle[name] = async function (...args) {
    pending++;
    try {
      return await original.apply(crypto.subtle, args);
    } finally {
      pending--;
    }
  };
}

// settle returns when no operation of WebCrypto is under way and whatever
// waited for one has run. What runs then may begin another, hence two looks.
export async function settle() {
  for (let quiet = 0; quiet < 2;) {
    await new Promise((r) => setImmediate(r));
    quiet = pending === 0 ? quiet + 1 : 0;
  }
}
