// Package call is one participant's part in a meeting: it joins signaling, the
// mesh and the media to one thing that a screen, a text mode or a script can
// drive. Everything it needs from the system can be replaced, so that a whole
// room runs inside one test.
//
// # What runs
//
// [Call.Run] starts the link to the server (signal.Client), the mesh (rtc.Manager), the
// studio, which is all sources, sinks, encoders and receivers, and the queue of events; when
// it returns nothing of them runs. The methods of a [Call] only post or take a mutex of a
// few lines: they may be called from any goroutine, and never wait.
//
// # Who owns what
//
//   - [Call] owns nothing but these parts and the chat that is remembered. It hands on:
//     what the server says to the mesh, what peers say over their data channel to
//     whom it concerns.
//   - studio owns what a participant wants to send and what there is to send; only
//     what is both is sent and told. It knows the mesh by four methods, and the call not
//     at all.
//   - person is all that is kept of one remote person, from the first dial until they
//     have left: the receivers of their sound and pictures, what they show of us, who
//     hears whom, gaps, figures per second. people finds them without a lock.
//   - pictures owns the senders of the camera and the screen, and what is looked at.
//   - eventQueue keeps events in order for one reader, and for every [Follower].
//
// # The way of a packet
//
// rtc/conn calls the sink from the goroutine of the track. The person is looked up in a
// map that never changes once it is published, the gap is noticed by atomics, and the
// packet goes into the queue of its receiver, under the lock of that. Decoding belongs to
// the goroutine that mixes, or to that of the picture. The other way, an encoder
// hands a frame to rtc/conn, which writes it to every connection.
//
// # What always holds
//
//   - When SetMic(false) has returned, no further sample leaves the machine, and the
//     order of two toggles is the order of what others hear of them
//     (TestTogglesAreToldInOrder).
//   - What comes of somebody who is not there, or has left, makes nothing
//     (TestLatePacketsLeaveNothingBehind), and who comes and goes a thousand times
//     leaves nothing (TestAThousandComeAndGo).
//   - A reader that is slow loses the oldest events and is told how many
//     (TestQueueKeepsOrderAndSaysWhatIsLost); nobody waits for it.
//   - Nothing is encoded for nobody: no sound while nobody was ever connected, no picture
//     that nobody looks at.
package call
