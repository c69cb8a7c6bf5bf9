// What of a session needs no browser: descriptions and sizes.
import assert from "node:assert/strict";
import test from "node:test";
import { checkDescription, forBrowser, hearStereo, isFrame, preferRed, scaleFor, sendMono } from "../page/session.js";
import { bestColumns, initials } from "../page/stage.js";

const lines = (...m) => `v=0\r\n${m.map((k) => `m=${k} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:x\r\n`).join("")}`;

test("descriptions with other places than ours are refused", () => {
  checkDescription(lines("audio", "video", "video", "application"));
  checkDescription(lines("audio", "video", "video", "application", "audio"));
  for (const bad of ["", lines("audio"), lines("video", "audio", "video", "application"), lines("audio", "video", "application", "video"),
    lines("audio", "video", "video", "application", "audio", "audio", "audio", "audio", "audio"),
    `${lines("audio", "video", "video", "application")}a=simulcast:send 1;2\r\n`, `${lines("audio", "video", "video", "application")}a=rid:1 send\r\n`]) {
    assert.throws(() => checkDescription(bad), bad);
  }
});

test("carried pairs are not for browsers", () => {
  for (const [candidate, want] of [["candidate:1 1 udp 255 fd6d:6565:7400:0:1:2:3:4 4000 typ relay raddr :: rport 9", false],
    ["a=candidate:1 1 udp 255 FD6D:6565:7400::1 4000 typ relay", false], ["", false],
    ["candidate:1 1 udp 255 fd6d:6565:7401::1 4000 typ host", true], ["candidate:1 1 udp 255 10.0.0.1 4000 typ host", true]]) {
    assert.equal(forBrowser(candidate), want, candidate);
  }
  for (const [bytes, want] of [[[0xc8, 1], true], [[0xc9], true], [[0xca], false], [[0x7b], false], [[], false]]) {
    assert.equal(isFrame(new Uint8Array(bytes).buffer), want, `${bytes}`);
  }
  assert.equal(isFrame("\u00c8"), false);
});

test("redundant audio is put first, and nothing else is touched", () => {
  const sdp = (types, rest) => `v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF ${types}\r\na=rtpmap:111 opus/48000/2\r\n${rest}m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n`;
  const red = "a=rtpmap:63 red/48000/2\r\n";
  assert.equal(preferRed(sdp("111 63 9", red)), sdp("63 111 9", red));
  assert.equal(preferRed(sdp("63 111", red)), sdp("63 111", red));
  assert.equal(preferRed(sdp("111", "")), sdp("111", ""));
});

test("stereo is heard and not sent", () => {
  const sdp = (format) => `v=0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 ${format}\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n`;
  assert.equal(hearStereo(sdp("minptime=10;useinbandfec=1")), sdp("minptime=10;useinbandfec=1;stereo=1"));
  assert.equal(hearStereo(sdp("stereo=0;minptime=10")), sdp("minptime=10;stereo=1"));
  assert.equal(sendMono(sdp("minptime=10;stereo=1;sprop-stereo=1")), sdp("minptime=10;sprop-stereo=1"));
  assert.equal(sendMono("v=0\r\n"), "v=0\r\n");
});

test("pictures are no larger than they are shown", () => {
  for (const [view, w, h, want] of [[null, 640, 360, 1], [[640, 360], 640, 360, 1], [[400, 225], 640, 360, 1], [[320, 180], 640, 360, 2],
    [[160, 96], 640, 360, 2], [[160, 90], 640, 360, 4], [[16, 16], 640, 360, 4], [[0, 0], 640, 360, 1], [[320, 180], undefined, undefined, 1]]) {
    assert.equal(scaleFor(view, w, h), want, `${view} of ${w}x${h}`);
  }
});

test("the grid shows pictures as large as it can", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 9, 12].map((n) => bestColumns(n, 1280, 720)), [1, 2, 2, 2, 3, 3, 4]);
  assert.deepEqual([1, 2, 3].map((n) => bestColumns(n, 390, 700)), [1, 1, 1]);
  assert.equal(bestColumns(2, 1378, 900), 2, "two people in a wide window stand side by side");
  assert.equal(bestColumns(2, 1600, 950), 2);
});

test("initials", () => {
  for (const [name, want] of [["Ada Lovelace", "AL"], ["bob", "B"], ["guest-01", "G0"], ["🦊 fox", "🦊F"], ["", "?"], ["...", "?"], ["a b c", "AB"]]) assert.equal(initials(name), want, name);
});
