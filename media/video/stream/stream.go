// Package stream moves pictures between sources, the VP8 codec and the network:
// a Sender per own source, a Receiver per person and kind, and the Policy that
// decides how large, how often and how finely pictures are sent.
//
// Key invariants:
//   - One encode for all viewers, none for nobody: a source that nobody watches
//     is let go of.
//   - The newest picture wins. Pictures are dropped, never queued, on both
//     sides; a receiver that falls behind goes on with a key frame.
//   - Off is final: no frame leaves a Sender once SetOn(false) has returned.
//   - Counters never go back, whatever connection the frames came by.
package stream

// clockRate is of RTP timestamps of video, in Hz (RFC 7741).
const clockRate = 90000
