package signal

import (
	"cmp"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// RoomInfo is what a server can say of a room: it knows no name and nothing of what
// is said in it.
type RoomInfo struct {
	ID      string    `json:"id"`
	Since   time.Time `json:"since"`
	Present []PeerID  `json:"present"`
	Away    []PeerID  `json:"away"`
}

// Rooms lists the rooms there are, the oldest first.
func (s *Server) Rooms() []RoomInfo {
	s.mu.Lock()
	rooms := make([]*room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()
	out := make([]RoomInfo, 0, len(rooms))
	for _, r := range rooms {
		out = append(out, r.info())
	}
	slices.SortFunc(out, func(a, b RoomInfo) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return out
}

func (r *room) info() RoomInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := RoomInfo{ID: r.id, Since: r.opened, Present: []PeerID{}, Away: []PeerID{}}
	for _, s := range r.seats {
		if s.away {
			i.Away = append(i.Away, s.peer)
		} else {
			i.Present = append(i.Present, s.peer)
		}
	}
	slices.Sort(i.Present)
	slices.Sort(i.Away)
	return i
}

// Kick sends a member of a room away for good, or all of them if peer is "", and
// returns how many that were. Connections between members go on until they leave.
func (s *Server) Kick(roomID string, peer PeerID) int {
	s.mu.Lock()
	r := s.rooms[roomID]
	s.mu.Unlock()
	if r == nil {
		return 0
	}
	var sent []*conn
	n := 0
	r.update(func(f *flushList) {
		for id, seat := range r.seats {
			if peer != "" && id != peer {
				continue
			}
			n++
			if seat.conn != nil {
				sent = append(sent, seat.conn)
			}
			r.remove(seat, f)
		}
	})
	for _, c := range sent {
		c.finish(encodeFrame(leaveFrame{Act: leaveStop}), websocket.CloseGoingAway)
	}
	s.dropIfEmpty(r)
	return n
}
