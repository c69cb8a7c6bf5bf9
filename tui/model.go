package tui

import (
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Model is the only tea.Model of the program. It owns the values that are
// drawn and turns messages into changes of them; what is drawn is a matter of
// screen alone. All fields belong to Bubble Tea's event loop.
type Model struct {
	screen
	opt  Options
	done <-chan struct{} // closed when the program ends, for waiting commands

	there     there  // what was typed for a terminal
	fitted    [3]int // the terminal of ours that was last given a size, and which
	talk      talk
	attention attention
	taskbar   int           // percent shown there; 0: nothing
	want      signal.Media  // what the keys asked for; the view says what is
	tickGen   int           // of the tick that counts; older ones are dropped
	tickEvery time.Duration // interval of that tick; 0: none under way
	sampled   time.Time     // when statistics were last asked for
	listed    time.Time     // when devices were last asked for
	shown     []Tile        // what the stage was told last
	lobby     bool
	// taskbarNew: the terminal was not told yet.
	taskbarNew bool
	report     front.Report
	names      front.Names
	serverLost time.Time // when the link to the server broke last
	leaving    bool
	suspended  bool      // the shell has the terminal
	keyModes   *terminal // nil in tests without one
	keyGen     int       // of the last change of the keyboard's mode
}

// The messages of the model's own commands.
type (
	viewMsg    struct{ view *rtc.RoomView }
	eventMsg   struct{ events []rtc.Event }
	endMsg     struct{} // the room's events ended
	devicesMsg struct{ list []media.Device }
	tickMsg    struct {
		gen    int
		sample sampleMsg
	}
	// sampleMsg holds what was read for a tick; nil is what was not read.
	sampleMsg struct {
		levels  map[signal.PeerID]media.Loudness
		stats   []call.PeerStats
		sources []media.Source
		sound   *call.Sound
		files   []call.File
	}
)

// newModel makes the model of a call. It starts nothing.
func newModel(opt Options, done <-chan struct{}) *Model {
	opt = opt.withDefaults()
	m := &Model{opt: opt, done: done, lobby: opt.Join != nil}
	m.screen = screen{
		w: opt.Cols, h: opt.Rows,
		styles: NewStyles(opt.Theme), keys: opt.Keys, now: opt.Now(),
		view: unmissed(m.names.View(opt.Room.View())), list: true,
		stage: opt.Stage != nil, hasChat: opt.Chat != nil, releases: opt.KeyReleases,
		invite: newInviteBox(opt.Place, reachKey(opt)),
	}
	m.digits, m.input.lines = m.digits.follow(m.view), true
	m.want = m.view.Media
	m.report.View(m.view, m.now)
	return m
}

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd {
	first := m.sample(true)
	return tea.Batch(m.waitView(), m.waitEvent(), m.waitTerminals(), m.replay(), func() tea.Msg { return first() })
}

// View implements tea.Model: a pure function of the model's values.
func (m *Model) View() string {
	if m.lobby {
		return m.lobbyBox().Render(m.styles, m.w, m.h)
	}
	return m.screen.Render()
}

// Tiles are the holes that View leaves for video.
func (m *Model) Tiles() []Tile {
	if m.lobby {
		b := m.lobbyBox()
		if m.w <= 0 || m.h <= 0 {
			return nil
		}
		hole := b.picture(len(b.above(m.styles, m.w)), m.w, m.h)
		if hole.empty() {
			return nil
		}
		return []Tile{{Peer: m.view.Self, Kind: media.Camera, X: hole.x, Y: hole.y, Cols: hole.w, Rows: hole.h}}
	}
	return m.screen.Tiles()
}

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.now = m.opt.Now()
	m.step = int(m.now.UnixMilli()/spinnerEvery.Milliseconds()) & 0xffff
	var cmd tea.Cmd
	redraw := false
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = max(0, msg.Width), max(0, msg.Height)
		redraw = true
	case tea.KeyMsg:
		cmd = m.key(msg)
	case typedMsg:
		cmd = m.typed(msg)
	case tea.MouseMsg:
		cmd = m.mouse(msg)
	case tea.FocusMsg:
		m.attention = m.attention.focus(true)
	case tea.BlurMsg:
		m.attention = m.attention.focus(false)
		t, act := m.talk.release()
		m.setTalk(t, act)
	case tea.SuspendMsg, tea.ResumeMsg:
		// Bubble Tea passes the first on only after it came back.
		m.suspended, redraw = false, true
	case viewMsg:
		m.setView(msg.view)
		cmd = m.waitView()
	case eventMsg:
		for _, ev := range msg.events {
			m.event(ev)
		}
		cmd = m.waitEvent()
	case endMsg:
		m.leaving = true
		cmd = tea.Quit
	case tickMsg:
		cmd = m.tick(msg)
	case sampleMsg:
		m.take(msg)
	case fileFailedMsg:
		m.toast(toastBad, front.Text(msg.err.Error()))
	case terminalsMsg:
		cmd = tea.Batch(m.setTerminals(msg.all), m.waitTerminals())
	case shellMsg:
		cmd = m.started(msg)
	case typedThereMsg:
		cmd = m.typedThere(msg)
	case devicesMsg:
		m.devices = m.devices.update(msg.list)
	}
	if !m.lobby && !m.layout().chat.empty() {
		m.chat.unread = 0
	}
	next := m.schedule()
	m.publish(redraw)
	return m, tea.Batch(cmd, next, m.fitShell(), m.notify(), m.showTaskbar())
}

// setView takes a new view of the room.
func (m *Model) setView(v *rtc.RoomView) {
	if v == nil {
		return
	}
	v = unmissed(m.names.View(v))
	for i := range v.Peers {
		p := &v.Peers[i]
		old, known := m.view.Peer(p.ID)
		if known && p.Media.Screen && !old.Media.Screen {
			m.toast(toastInfo, cleanName(p.Name)+" is sharing the screen"+withSound(p.Media))
		}
	}
	if t := v.Server.Trouble; t != "" && t != m.view.Server.Trouble {
		m.toast(toastQuiet, cleanText(v.Server.Address)+": "+cleanText(t))
	}
	if m.now.Sub(v.Since) < settleDigits { // those who were here before us turn up one by one
		m.digits = nil
	}
	m.view, m.want, m.digits = v, v.Media, m.digits.follow(v)
	if m.index(m.selected) < 0 {
		m.selected = ""
	}
	pinned := m.spotlight.pinned
	if pinned.peer != "" && pinned.peer != v.Self && m.index(pinned.peer) < 0 {
		m.spotlight.pinned = picture{}
	}
	m.report.View(v, m.now)
}

// unmissed is a view without those who do not hear us while there is nothing to hear.
func unmissed(v *rtc.RoomView) *rtc.RoomView {
	if v.Media.Mic || !slices.ContainsFunc(v.Peers, func(p rtc.PeerView) bool { return p.Unheard || p.OneWay }) {
		return v
	}
	out := *v
	out.Peers = slices.Clone(v.Peers)
	for i := range out.Peers {
		p := &out.Peers[i]
		p.Unheard, p.OneWay = false, p.OneWay && v.Media.Camera
	}
	return &out
}

// briefly is how long an outage lasts at least before its end is news.
const briefly = 5 * time.Second

// tone is how loudly an event is said here: what mends itself at once is for the log
// alone, since the badge and the banner have shown it.
func (m *Model) tone(ev rtc.Event, kind toastKind) toastKind {
	if e, ok := ev.(rtc.Reconnected); ok && e.Outage < briefly {
		return toastQuiet
	}
	if e, ok := ev.(rtc.HearingLost); ok && !m.view.Media.Mic && !e.Heard && e.Hears {
		return toastQuiet
	}
	if e, ok := ev.(rtc.ServerStateChanged); ok {
		switch {
		case e.State == signal.Reconnecting: // the banner says so, as long as it lasts
			m.serverLost = m.now
			return toastQuiet
		case e.State == signal.Connected && m.now.Sub(m.serverLost) < briefly:
			return toastQuiet
		}
	}
	return kind
}

func withSound(media signal.Media) string {
	if media.Sound {
		return " with its sound"
	}
	return ""
}

// event takes what belongs to a place of its own there, and turns the rest into a
// toast where it means something to people.
func (m *Model) event(ev rtc.Event) {
	ev = m.names.Event(ev)
	if p, ok := ev.(call.PlaceChanged); ok {
		m.setPlace(p.Place)
	}
	if c, ok := ev.(call.CodeChanged); ok {
		m.invite.spoken = c
		if c.State == call.CodeOpen && m.panel == panelNone {
			m.scroll, m.panel = 0, panelInvite
		}
	}
	if line, ok := ev.(call.Chat); ok {
		m.message(line)
	}
	m.report.Event(ev, m.now)
	if text, kind := front.Describe(ev); text != "" {
		if e, ok := ev.(call.FileOffered); ok && !e.Mine {
			text += "; " + m.keys.key(ActFiles) + " takes or refuses it"
		}
		m.toast(m.tone(ev, kind), text)
		if worthNotifying(ev) {
			m.attention = m.attention.tell(m.now, text)
		}
	}
}

// reachKey is the key that changes who can get here, or "" where none does.
func reachKey(opt Options) string {
	if opt.Reach == nil {
		return ""
	}
	return opt.Keys.key(ActReach)
}

// setPlace takes where the room is now.
func (m *Model) setPlace(p call.Place) {
	spoken := m.invite.spoken
	m.invite = newInviteBox(p, reachKey(m.opt))
	m.invite.spoken = spoken
}

// toast shows one line for a few seconds and keeps it in the log.
func (m *Model) toast(kind toastKind, text string) {
	m.toasts.add(toast{kind: kind, text: text, at: m.now})
}

// message takes a line of chat.
func (m *Model) message(msg call.Chat) {
	visible := !m.lobby && !m.layout().chat.empty()
	m.chat.add(msg, visible)
	if !msg.History && msg.Peer != m.view.Self {
		m.attention = m.attention.tell(m.now, cleanName(msg.Name)+": "+cleanText(msg.Text))
	}
	if !visible && !msg.History && msg.Peer != m.view.Self {
		m.toast(toastInfo, cleanName(msg.Name)+": "+cleanText(msg.Text))
	}
}

// take keeps what a sample read.
func (m *Model) take(s sampleMsg) {
	if s.levels != nil {
		m.levels = s.levels
		m.spotlight = m.spotlight.hear(m.now, m.view.Self, s.levels)
	}
	if s.stats != nil || s.sources != nil {
		m.sampled = m.now
	}
	if s.stats != nil {
		m.stats = byPeer(s.stats)
		m.past = m.past.add(m.stats)
		m.report.Stats(s.stats)
	}
	if s.sources != nil {
		m.sources = s.sources
	}
	if s.sound != nil {
		m.sound = s.sound
	}
	if s.files != nil {
		m.setFiles(s.files)
	}
}

// publish tells the stage about its holes when they changed, and after the
// screen was cleared.
func (m *Model) publish(redraw bool) {
	if m.opt.Stage == nil {
		return
	}
	tiles := m.Tiles()
	if m.leaving || m.suspended {
		tiles = nil
	}
	if redraw || !slices.Equal(tiles, m.shown) {
		m.shown = tiles
		m.opt.Stage.Show(slices.Clone(tiles))
	}
}
