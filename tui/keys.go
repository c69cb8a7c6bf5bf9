package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-osc52/v2"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
)

// key handles a key press. Keys typed so fast that they arrive together come
// one by one; a paste outside of the text field does nothing.
func (m *Model) key(msg tea.KeyMsg) tea.Cmd {
	name := msg.String()
	if name == keyReleased {
		t, act := m.talk.release()
		m.setTalk(t, act)
		return nil
	}
	switch {
	case m.asking:
		return m.askingKey(name)
	case m.terms.typing.id != 0:
		return m.thereKey(msg)
	case m.typing:
		return m.typingKey(msg)
	case m.filing:
		return m.pathKey(msg)
	case msg.Paste:
		if cmd, ok := m.pastedPath(string(msg.Runes)); ok {
			return cmd
		}
		if !m.lobby && m.opt.Chat != nil {
			m.toast(toastInfo, "what is pasted goes into a message: press "+m.keys.key(ActChat)+" first")
		}
		return nil
	}
	if msg.Type == tea.KeyRunes && len(msg.Runes) > 1 && !msg.Alt {
		var cmds []tea.Cmd
		for i, r := range msg.Runes {
			if m.typing || m.asking || m.filing || m.terms.typing.id != 0 {
				rest := tea.KeyMsg{Type: tea.KeyRunes, Runes: msg.Runes[i:]}
				return tea.Batch(append(cmds, m.key(rest))...)
			}
			cmds = append(cmds, m.oneKey(string(r)))
		}
		return tea.Batch(cmds...)
	}
	return m.oneKey(name)
}

// oneKey handles one key outside of questions and text.
func (m *Model) oneKey(name string) tea.Cmd {
	action := m.keys.action(name)
	if m.lobby {
		return m.lobbyKey(name, action)
	}
	if m.terms.choose {
		return m.shareKey(name)
	}
	if cmd, answered := m.answer(name); answered {
		return cmd
	}
	if m.scrollTerminal(name) {
		return nil
	}
	if m.panel != panelNone {
		if cmd, handled := m.panelKey(name, action); handled {
			return cmd
		}
	}
	if len(name) == 1 && name[0] >= '1' && name[0] <= '9' {
		m.digit(int(name[0] - '0'))
		return nil
	}
	switch name {
	case "esc":
		m.closeOne()
		return nil
	case "pgup":
		m.scrollChat(m.page())
		return nil
	case "pgdown":
		m.scrollChat(-m.page())
		return nil
	}
	return m.act(action)
}

// page is how many lines of chat a page is.
func (m *Model) page() int { return max(1, m.layout().chat.h-3) }

// askingKey answers the question whether to leave.
func (m *Model) askingKey(name string) tea.Cmd {
	switch {
	case name == "y" || name == "Y" || name == "enter" || name == "ctrl+c":
		return m.leave()
	case m.keys.action(name) == ActSuspend:
		return m.suspend()
	}
	m.asking = false
	return nil
}

// suspend gives the terminal to the shell. The whole process stops until it is
// called back, so whoever listens must not be left with an open microphone.
func (m *Model) suspend() tea.Cmd {
	t, act := m.talk.release()
	m.setTalk(t, act)
	m.suspended = true
	return tea.Suspend
}

// leave ends the call and the program.
func (m *Model) leave() tea.Cmd {
	m.leaving = true
	if m.opt.Controls != nil {
		m.opt.Controls.Leave()
	}
	return tea.Quit
}

// typingKey handles a key while a message is written: letters never act.
func (m *Model) typingKey(msg tea.KeyMsg) tea.Cmd {
	name := msg.String()
	if msg.Alt {
		switch a := m.keys.action(name); a {
		case ActMic, ActCamera, ActScreen, ActUnfold:
			return m.act(a)
		}
	}
	switch name {
	case "esc":
		m.typing = false
		return m.keyboard()
	case "enter":
		return m.sendLine()
	case "pgup":
		m.scrollChat(m.page())
		return nil
	case "pgdown":
		m.scrollChat(-m.page())
		return nil
	case "ctrl+c":
		m.asking = true
		return nil
	case "ctrl+z":
		return m.suspend()
	}
	if (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) && !msg.Alt {
		m.input.insert(string(msg.Runes), msg.Paste)
		return nil
	}
	m.input.key(name)
	return nil
}

// sendLine says what is written, or does it where it is a command, as in plain mode.
func (m *Model) sendLine() tea.Cmd {
	if command, ok := slashCommand(m.input.String()); ok {
		action := Action(command)
		switch {
		case command == "quit":
			action = ActLeave
		case !slices.ContainsFunc(Actions(), func(a ActionHelp) bool { return a.Action == action }):
			m.toast(toastWarn, "/"+command+" is no command: /help shows them; with a blank before it, it is sent")
			return nil
		}
		m.input.take()
		m.typing = false
		return tea.Batch(m.keyboard(), m.act(action))
	}
	if text := m.input.take(); text != "" {
		m.opt.Chat.Say(text)
	}
	m.chat.back = 0
	return nil
}

// slashCommand is the command that a line is: a slash, and a word of letters.
func slashCommand(line string) (string, bool) {
	word, ok := strings.CutPrefix(strings.TrimRight(line, " "), "/")
	if !ok || word == "" {
		return "", false
	}
	for _, r := range word {
		if r != '-' && (r < 'a' || r > 'z') {
			return "", false // a path, or words
		}
	}
	return word, true
}

// panelKey handles a key while a panel is open; keys it does not know act as
// always.
func (m *Model) panelKey(name string, action Action) (tea.Cmd, bool) {
	step := 0
	switch {
	case action == ActUp:
		step = -1
	case action == ActDown:
		step = 1
	case name == "pgup":
		step = -10
	case name == "pgdown":
		step = 10
	}
	if m.panel == panelFiles {
		return m.fileKey(name, step)
	}
	if name == "enter" && m.panel == panelWho {
		m.verify()
		return nil, true
	}
	scrolls := m.panel == panelHelp || m.panel == panelLog || m.panel == panelDevices
	switch {
	case step != 0 && scrolls:
		m.scrollPanel(step)
		return nil, true
	case name == "enter" && m.panel == panelDevices:
		dev, ok := m.devices.current()
		if !ok || m.opt.Devices == nil {
			return nil, true
		}
		if err := m.opt.Devices.Select(dev.Kind, dev.ID); err != nil {
			m.toast(toastBad, cleanText(err.Error()))
			return nil, true
		}
		m.toast(toastInfo, dev.Kind.Word()+": "+dev.Name)
		return m.listDevices(), true
	case m.panel == panelDevices:
		return nil, m.soundKey(name)
	}
	return nil, false
}

// closeOne is what esc does: it closes the innermost thing that is open.
func (m *Model) closeOne() {
	switch {
	case m.panel != panelNone:
		m.panel = panelNone
	case m.mode != modeSpotlight:
		m.mode = modeSpotlight
	default:
		m.selected = ""
	}
}

// act does what an action says.
func (m *Model) act(a Action) tea.Cmd {
	switch a {
	case ActMic, ActCamera, ActScreen:
		m.toggle(a)
	case ActSound:
		m.shareSound()
	case ActTerminal, ActType, ActUntype, ActCopy:
		return m.actTerminal(a)
	case ActTalk:
		if media.SourceOf(m.sources, media.Mic).Missing != "" {
			m.tellMissing(media.Mic)
		} else {
			t, act := m.talk.press(m.now, m.releases, m.want.Mic && !m.talking)
			m.setTalk(t, act)
		}
	case ActReceive:
		if c, ok := m.opt.Controls.(front.Chooser); ok {
			c.SetReceive(front.ReceiveNext(c.Receive()))
			m.toast(toastInfo, front.ReceiveText(c.Receive()))
		}
	case ActHand:
		m.opt.Controls.SetHand(m.view.Hand == 0)
	case ActChat:
		return m.write()
	case ActUnfold:
		m.chat.unfolded, m.chat.back = !m.chat.unfolded, 0
	case ActUp:
		m.moveSelection(-1)
	case ActDown, ActFocus:
		m.moveSelection(1)
	case ActSpotlight:
		if len(m.pictures()) == 0 {
			return m.write()
		}
		m.pin()
	case ActFollow:
		m.spotlight.pinned = picture{}
		m.toast(toastInfo, "the spotlight follows who speaks")
	case ActGrid, ActZoom:
		m.arrange(a)
	case ActCloser, ActWider, ActPanLeft, ActPanRight, ActPanUp, ActPanDown:
		m.lookAt(a)
	case ActPeople:
		m.list = !m.list
	case ActLouder, ActQuieter, ActHush:
		m.adjust(a)
	case ActStats:
		m.toggles(panelStats)
	case ActVerify:
		m.toggles(panelWho)
	case ActHelp:
		m.toggles(panelHelp)
	case ActLog:
		m.toggles(panelLog)
	case ActDevices:
		if m.opt.Devices == nil {
			m.toast(toastInfo, "devices cannot be changed here")
			return nil
		}
		m.toggles(panelDevices)
		return m.listDevices()
	case ActFiles:
		return m.openFiles()
	case ActRecord:
		return m.record()
	case ActInvite:
		return m.copyInvite()
	case ActCode:
		m.askCode()
	case ActReach:
		// Not by a slip of the finger: only where it can be read what it does.
		if m.panel == panelInvite {
			m.changeReach()
		}
	case ActRetry:
		m.retry()
	case ActLeave:
		m.asking = true
	case ActSuspend:
		return m.suspend()
	}
	return nil
}

// toggles opens a panel or closes it.
func (m *Model) toggles(p panel) {
	m.scroll = 0
	if m.panel == p {
		p = panelNone
	}
	m.panel = p
}

// tellMissing says why there is no source of a kind.
func (m *Model) tellMissing(kind media.Kind) {
	text := cleanText(media.SourceOf(m.sources, kind).Missing)
	if text == "" {
		text = "no " + kind.Word()
	}
	m.toast(toastWarn, text)
}

// toggle switches one's own microphone, camera or screen.
func (m *Model) toggle(a Action) {
	if m.opt.Controls == nil {
		return
	}
	switch a {
	case ActMic:
		m.talk, m.talking = talk{}, false
		m.turn(media.Mic, &m.want.Mic, m.opt.Controls.SetMic)
	case ActCamera:
		m.turn(media.Camera, &m.want.Camera, m.opt.Controls.SetCamera)
	case ActScreen:
		m.turn(media.Screen, &m.want.Screen, m.opt.Controls.SetScreen)
	}
}

// shareSound shares the screen with the machine's sound, or stops both.
func (m *Model) shareSound() {
	c, ok := m.opt.Controls.(front.SoundSharer)
	if !ok {
		m.toast(toastInfo, "sound cannot be shared here")
		return
	}
	sends := m.view.Media
	if sends.Screen && sends.Sound {
		m.want.Screen = false
		c.SetScreenWithSound(false)
		return
	}
	if media.SourceOf(m.sources, media.Screen).Missing != "" {
		m.tellMissing(media.Screen)
		return
	}
	m.want.Screen = true
	c.SetScreenWithSound(true)
	m.toast(toastInfo, "sharing the screen and the sound of this machine, without the call's own")
}

// turn switches a source on or off, or says why that cannot be.
func (m *Model) turn(kind media.Kind, on *bool, set func(bool)) {
	to, ok, say := media.SourceOf(m.sources, kind).Toggle(*on)
	if !ok {
		m.tellMissing(kind)
		return
	}
	*on = to
	set(to)
	if say == "" {
		return
	}
	m.toast(toastInfo, say)
	for i := range m.sources { // until they are looked at again
		if m.sources[i].Kind == kind {
			m.sources[i].Wanted = false
		}
	}
}

// setTalk does what the talk machine wants.
func (m *Model) setTalk(t talk, act talkAct) {
	m.talk = t
	if act == talkKeep {
		return
	}
	m.talking = act == talkStart
	m.want.Mic = m.talking
	if m.opt.Controls != nil {
		m.opt.Controls.SetMic(m.talking)
	}
}

// write starts typing a message.
func (m *Model) write() tea.Cmd {
	if m.opt.Chat == nil {
		m.toast(toastInfo, "there is no chat in this call")
		return nil
	}
	m.panel, m.typing = panelNone, true
	t, act := m.talk.release()
	m.setTalk(t, act)
	return m.keyboard()
}

// pin puts the selected person in the spotlight: first the shared screen, then
// the camera, then back to following; shared terminals before either.
func (m *Model) pin() {
	if m.selected == "" {
		m.moveSelection(1)
	}
	if m.selected == "" || len(m.pictures()) == 0 {
		return
	}
	var turns []picture
	for _, p := range m.pictures() {
		if p.peer == m.selected {
			turns = append(turns, p)
		}
	}
	turns = append(turns, picture{})
	next := slices.Index(turns, m.spotlight.pinned) + 1 // the first, when it is none of them
	if m.spotlight.pinned == (picture{}) {
		next = 0
	}
	m.spotlight.pinned = turns[next%len(turns)]
	if m.mode == modeGrid {
		m.mode = modeSpotlight
	}
}

// arrange changes between spotlight, grid and zoom.
func (m *Model) arrange(a Action) {
	if !m.stage && len(m.pictures()) == 0 {
		m.toast(toastInfo, "pictures are off")
		return
	}
	want := modeGrid
	if a == ActZoom {
		want = modeZoom
	}
	if m.mode == want {
		want = modeSpotlight
	}
	m.mode = want
}

// adjust changes how loud the selected person is here.
func (m *Model) adjust(a Action) {
	i := m.index(m.selected)
	switch {
	case m.opt.Volume == nil:
		m.toast(toastInfo, "there is no volume to change")
		return
	case i < 0:
		m.toast(toastInfo, "select a person first")
		return
	}
	v := m.volumeOf(m.selected)
	switch a {
	case ActLouder:
		v = volume{percent: min(200, v.percent+10)}
	case ActQuieter:
		v = volume{percent: max(0, v.percent-10)}
	case ActHush:
		v.muted = !v.muted
	}
	m.setVolume(m.selected, v)
	name := cleanName(m.view.Peers[i].Name)
	if v.muted {
		m.opt.Volume.SetVolume(m.selected, 0)
		m.toast(toastInfo, name+" is silenced here")
		return
	}
	m.opt.Volume.SetVolume(m.selected, v.percent)
	m.toast(toastInfo, fmt.Sprintf("%s at %d%%", name, v.percent))
}

// tapped answers a talk key that was not held.
func (m *Model) tapped() {
	m.toast(toastInfo, "hold the key to talk; "+m.keys.key(ActMic)+" leaves the microphone on")
}

// digit selects whoever has a digit, and shows them large.
func (m *Model) digit(n int) {
	id := m.digits.who(n, m.view)
	switch {
	case id != "":
		m.selected = id
		m.pin()
	case len(m.view.Peers) == 0:
		m.toast(toastInfo, "nobody else is here yet")
	default:
		m.toast(toastInfo, fmt.Sprintf("nobody has the %d", n))
	}
}

// retry reconnects all who are not connected, and the server, now.
func (m *Model) retry() {
	if m.opt.Controls == nil {
		return
	}
	m.opt.Controls.Retry("")
	if m.banner().Shown() {
		m.toast(toastInfo, "trying again now")
		return
	}
	m.toast(toastInfo, "all are connected: there is nothing to try again")
}

// changeReach changes who can get to a room that is hosted here. What that came
// to is told as a [Place].
func (m *Model) changeReach() {
	if m.opt.Reach == nil {
		m.toast(toastInfo, "the room is on a server that was named: who gets there is decided there")
		return
	}
	m.opt.Reach()
}

// askCode asks for a spoken code and shows where it will be.
func (m *Model) askCode() {
	if m.opt.NewCode == nil || !m.opt.NewCode() {
		m.toast(toastInfo, "no code can be made here")
		return
	}
	m.scroll, m.panel = 0, panelInvite
}

// copyInvite copies the invite by OSC 52 and opens its panel.
func (m *Model) copyInvite() tea.Cmd {
	m.toggles(panelInvite)
	text := m.invite.text()
	if m.panel != panelInvite || text == "" || m.inviteBox().dead != "" {
		return nil
	}
	m.toast(toastGood, "invite copied (if the terminal allows it)")
	return m.copyText(text)
}

// copyText copies a text by OSC 52.
func (m *Model) copyText(text string) tea.Cmd {
	if m.opt.Out == nil {
		return nil
	}
	seq := osc52.New(text).String()
	// Multiplexers may take the plain sequence themselves or pass the wrapped
	// one on, depending on how they are set up; twice does no harm.
	if strings.HasPrefix(m.opt.Term, "tmux") {
		seq += osc52.New(text).Tmux().String()
	} else if strings.HasPrefix(m.opt.Term, "screen") {
		seq += osc52.New(text).Screen().String()
	}
	return m.writeOut(seq)
}
