// Made of internal/rules/rules.json by go test ./internal/rules -update: not to be edited.
// What this page and the terminal program follow alike. Times are in ms.
export const rules = Object.freeze({
  // Mending (docs/PROTOCOL.md).
  silence: 2000, // nothing heard of a peer for so long: it is disconnected
  unanswered: 2500, // no answer to our checks for so long: the path carries one way only
  poll: 50, // between looks at a peer that is being mended
  backoff: Object.freeze([1000, 2000, 4000]), // before each attempt in a row; there are no more
  grace: 300, // a path gets so long to heal alone
  ask: 2000, // a probe may go unanswered through signaling
  await: 3000, // the answering side waits for an offer
  mend: 5000, // an offered connection may take to carry something
  rest: 15000, // between the slow retries of a failed peer
  spacing: 1000, // between two repairs that the other side asked for
  linger: 30000, // a crashed peer stays listed when no server is there to tell
  keep: 900000, // the silent connection of somebody who is gone is kept, off the list
  glance: 1000, // between looks at such a connection, and checks of its path
  maxKept: 32, // such connections: as many as a room has members
  restartsBeforeRebuild: 2, // attempts that keep the connection and restart its ICE
  maxGeneration: 64, // candidates of a peer in one ICE generation: each costs a pair with every local one

  // Reports and what they show.
  report: 1000, // between reports while there is news
  reportAfter: 50, // until all are told of a change in whom we reach
  staleReports: 3, // reports in a row that may be left out because they say nothing new
  freshReports: 3, // reports sent after a change on either side
  maxOthers: 64, // peers a report may claim to reach: no room is larger
  dryPackets: 5, // an interval between reports with fewer packets proves nothing
  dryReports: 3, // dry reports in a row that are no accident
  dryInterval: 800, // between reports that count: after a cut they come at once
  starvedSpacing: 20000, // between connections replaced because they were half dead

  // Who hears whom.
  hearEvery: 100, // between looks at whether sound that is sent arrives
  askAfter: 250, // without sound: the peer is asked whether it sends any
  unheardAfter: 450, // without sound that is sent: it is missing
  sendingWithin: 200, // a peer that sent sound so lately sends it
  mutely: 1500, // a peer that does not answer is believed to send what its state says
  heardAfter: 5, // packets that end a silence
  lasting: 2000, // a silence that lasts so long is worth a remark

  // The link to the server.
  heartbeat: 2000, // a client pings so often
  pongWait: 2000, // and gives the link up when nothing came for so long after a ping
  nudgeWait: 1000, // the same for a ping because the network changed
  goneAfter: 30000, // a member that stayed away for so long is gone
  firstDialTimeout: 2000, // the first dial may take, up to the welcome; the next twice as long
  maxDialTimeout: 10000, // and no dial longer
  minDialAge: 500, // of a dial that a nudge may start again
  dialBackoff: 100, // before the second dial at most; then twice as long
  dialBackoffShort: 1000, // and no longer, while the server is expected back
  dialBackoffLong: 2000, // and after that, while there is a room to return to
  dialBackoffMax: 10000, // and for whoever was never in it
  dialBeside: 2000, // of an attempt to connect that another is started beside
  dialPatience: 60000, // a server is expected back for so long
  maxLeaveWait: 30000, // a server may send its clients away for so long
  maxRoster: 256, // members a client remembers, whatever the server claims
  maxOutbox: 512, // messages that wait to be sent; beyond it the newest is dropped
  maxHeard: 4096, // senders whose counters are remembered, against replay

  // Sizes of what goes over signaling.
  maxHeader: 512, // bytes of the header line of a client's frame
  maxBody: 49152, // characters of a sealed body
  maxState: 4096, // characters of a sealed state
  maxFrame: 49665, // header, line feed, body
  maxName: 64, // characters of a name
  maxAgent: 64, // characters of what a program calls itself
  maxReason: 128, // characters of why somebody left
  maxSDP: 32768, // bytes of a session description
  maxSections: 8, // m-lines of one
  maxCandidates: 64, // candidates in one message
  maxCandidate: 512, // bytes of one

  // The data channel.
  maxMessage: 65536, // bytes of a message
  maxView: 4096, // samples per side of a picture that a peer may claim to show
  maxChatText: 4000, // characters of a chat message
  maxChatID: 128, // bytes of the id of one
  historyWithin: 10000, // after its channel opened a peer may tell what was said before, once
  chatHistory: 200, // chat messages remembered for those who come later
  maxSaid: 50, // things said to everybody that wait for one whose connection is cut
  maxKind: 32, // bytes of the kind of a message through signaling that the mesh does not interpret
  chatShare: 50, // of them, how many are sent to one
  maxChatShare: 32768, // bytes of all that are
});
