// Package media has the words that everything about sound and pictures shares:
// which medium, how loud, which device, what is wrong with it, and what travels
// of it. It knows no codec, no device and no network; whoever does speaks in
// these types, so that nothing is translated on its way.
//
//	source -> media/audio, media/video -> Packet, Frame -> rtc/conn -> the others
//	the others -> rtc/conn -> Packet, Frame -> media/audio, media/video -> speaker, screen
//
// Key invariants:
//   - Whatever is handed on is immutable from then on: a payload is copied when it
//     leaves the buffer of the network, and never again.
//   - A [Level] is in dBov, from [Silence] to 0, wherever it is. Only the header
//     extension of RFC 6464 counts otherwise, and only rtc/conn writes that.
package media
