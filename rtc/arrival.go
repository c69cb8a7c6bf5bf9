package rtc

// arrival is whether somebody is there now. The server lists who has signed a state for
// a process of theirs, which may be long gone: it could keep states and show people
// who are not there. Until something has come that they made for this process of
// ours, we try to reach them and tell nobody.
type arrival struct {
	here   bool
	untold []Event // what people hear of as soon as they are there
}

// maxUntold bounds what is told late; who is not there does little.
const maxUntold = 64

// hold keeps an event for later. The oldest goes first when there are too many.
func (a *arrival) hold(e Event) {
	a.untold = append(a.untold, e)
	a.untold = a.untold[max(0, len(a.untold)-maxUntold):]
}

// arrive says that they are there, and returns what waited for that.
func (a *arrival) arrive() []Event {
	told := a.untold
	a.here, a.untold = true, nil
	return told
}

// tellOf hands an event about somebody on, as soon as they are there.
func (m *Manager) tellOf(mb *member, e Event) {
	if !mb.here {
		mb.hold(e)
		return
	}
	m.tell(e)
}

// meet takes an authentic message, or a connection: who it is from is there.
func (m *Manager) meet(mb *member) {
	if mb.here {
		return
	}
	for _, e := range mb.arrive() {
		m.tell(e)
	}
	m.roster, m.dirty = true, true
}
