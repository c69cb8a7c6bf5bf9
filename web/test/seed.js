// The key of a seed (RFC 8032), as PKCS #8 (RFC 8410).
export async function seedKey(seed) {
  const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
  const secret = await crypto.subtle.importKey("pkcs8", new Uint8Array([...head, ...seed]), "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", secret);
  return { secret, open: new Uint8Array(Buffer.from(x, "base64url")) };
}
