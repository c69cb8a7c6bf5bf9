// Package rtc is the mesh of one room without a network: who is connected, what is
// wrong with whom, and what is being done about it. rtc/conn does it with pion.
//
// # What runs
//
// A [Manager] has one goroutine, [Manager.Run], which owns a member for each other
// person. Everything that happens is an input: what signaling says ([Manager.Signal]),
// what a session tells ([SessionEvent]), what a person wants ([Manager.SetMedia],
// [Manager.Retry]), what the machine notices ([Manager.NetworkChanged]). Each is posted to
// a mailbox, never blocks, and is delivered in order with the time of its delivery. After
// every round the Manager settles: whom signaling reaches, every deadline, reports, who
// carries for whom, and the [RoomView] that everybody else reads.
//
// The connection of one pair is a machine, peer. It has no clock, lock or goroutine:
// inputs take the time and leave actions (dial, hangUp, do, send, emit), which the Manager
// carries out. So a file can play it (testdata/timelines), and so the page's machine
// (web/page/peer.js, negotiate.js, repair.js) can be held to the same file.
//
// # What a peer knows
//
// Each is a value that only its own methods change; the machine reads all of them.
//
//   - standing: the state that people see, and what ICE says.
//   - signs: when they were last heard and last answered; the outage.
//   - link: the epochs of this connection on both sides, and whether it was ever up.
//   - generation: one exchange of descriptions and its candidates; replaced as a whole.
//   - step: the phase and its deadline; left as a whole for another. See ladder.
//   - attempts: what was tried in a row.
//   - trouble: since when, and which evidence counts as proof that it is over.
//   - question: the probe that is out, and what it is for.
//   - given: when a connection was last given up, and whether a need still waits.
//
// A member keeps beside it, in the same manner: absence (the server does not see them),
// debt (what they were told and did not get), hearing (whether sound arrives), reach
// (whom they reach), hunger (media that does not arrive).
//
// # The ladder
//
// The variable ladder has a row for each phase: what its deadline brings, and whether it
// goes on when signaling no longer reaches the peer. docs/ARCHITECTURE.md shows the rows
// with what leads there; docs/PROTOCOL.md, "Mending", has the rules by number.
//
// # What always holds
//
//   - Whoever is reachable, not connected and not gone has a deadline (FuzzPeer,
//     TestStuckIsCountedAndMended).
//   - One session at a time, each of a higher epoch than the one before, and no command
//     for another than the present one (FuzzPeer).
//   - What belongs to a replaced connection is dropped (TestOldMessagesAreDropped).
//   - Every change of state is told once, with the state before (FuzzPeer).
//   - Nobody is shown attempt 4 of 3 (FuzzPeer, TestThreeAttemptsThenFailed).
//   - A path in use is given up only when the other side has just answered through
//     signaling (TestNoRestartWithoutAnAnsweredProbe).
//   - Time without signaling burns no attempts, and trouble is remembered
//     (TestTroubleWhileUnreachableIsRemembered).
//   - A connection that healed by itself counts as no attempt (TestHealedAloneIsNoAttempt).
//   - Whatever the other side sends, the work it causes is bounded (TestNeedFlood,
//     TestProbeFlood, TestCandidatesAreBounded, TestFloodIsBounded).
//   - Both sides failing at once, and clocks that jump, end in a connection
//     (TestBothSidesFailAtOnce, TestClockJumps).
//   - Being heard does not mend a connection whose media does not arrive, until the other
//     side had time to replace it (TestHeardIsNoProofWhileStarved).
//   - The terminal and the page do the same, to the millisecond (TestTimelines,
//     TestTimelinesOfPage, TestSameAsPage).
//   - A value of a peer is changed by its own methods, a switch over a closed set names
//     every case or has a default, and the ladder is the one that the docs show
//     (TestValuesKeepTheirFields, TestSwitchesAreComplete, TestLadderIsDocumented).
package rtc
