package headless

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// recorder stands in for a call.
type recorder struct{ done []string }

func (r *recorder) note(s string)             { r.done = append(r.done, s) }
func (r *recorder) SetMic(on bool)            { r.note("mic " + onOff(on)) }
func (r *recorder) SetCamera(on bool)         { r.note("camera " + onOff(on)) }
func (r *recorder) SetScreen(on bool)         { r.note("screen " + onOff(on)) }
func (r *recorder) SetReceive(w call.Receive) { r.note("receive " + string(w)) }
func (r *recorder) SetHand(on bool)           { r.note("hand " + onOff(on)) }
func (r *recorder) Retry(peer signal.PeerID)  { r.note("retry " + string(peer)) }
func (r *recorder) Leave()                    { r.note("leave") }
func (r *recorder) Say(text string) bool      { r.note("say " + text); return text != "" }
func (r *recorder) SetVolume(peer signal.PeerID, percent int) bool {
	r.note("volume " + string(peer))
	return peer == "known"
}

func (r *recorder) Verify(peer signal.PeerID) bool {
	if peer != "" {
		r.note("verify " + string(peer))
	}
	return peer != ""
}
func (r *recorder) Select(kind media.Kind, id string) error {
	r.note("select " + kind.Device() + " " + id)
	return nil
}
func (r *recorder) Sound() call.Sound { return call.Sound{Echo: "auto", Noise: true, Gain: true} }
func (r *recorder) SetSound(s call.Sound) error {
	if s.Echo == "maybe" {
		return errors.New("want auto, on or off")
	}
	r.note(fmt.Sprintf("echo %v noise %v gain %v music %v listen %v", s.Echo, s.Noise, s.Gain, s.Music, s.ListenMuted))
	return nil
}
func (r *recorder) SetScreenWithSound(on bool) {
	r.note("screen and sound " + onOff(on))
}
func (r *recorder) SendFile(path string, to signal.PeerID) error {
	r.note("send " + path + " to " + string(to))
	return nil
}
func (r *recorder) Record(dir string) error { r.note("record " + dir); return nil }
func (r *recorder) StopRecording() error    { r.note("stop recording"); return nil }
func (r *recorder) AcceptFile(id int, dir string) error {
	r.note(fmt.Sprint("accept ", id, " into ", dir))
	return nil
}
func (r *recorder) StopFile(id int) error {
	r.note(fmt.Sprint("stop ", id))
	return nil
}
func (r *recorder) TellSound()       { r.note("sound") }
func (r *recorder) PlayTestSound()   { r.note("test sound") }
func (r *recorder) NewCode() bool    { r.note("new code"); return true }
func (r *recorder) HearMyself() bool { r.note("hear myself"); return false }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func TestCommands(t *testing.T) {
	for line, want := range map[string]struct {
		done string
		err  string // part of it
	}{
		`{"command":"mic","on":false}`:                        {"mic off", ""},
		`{"command":"camera","on":true}`:                      {"camera on", ""},
		`{"command":"screen","on":true}`:                      {"screen on", ""},
		`{"command":"screen","on":true,"sound":true}`:         {"screen and sound on", ""},
		`{"command":"chat","text":"hi"}`:                      {"say hi", ""},
		`{"command":"receive","what":"sound"}`:                {"receive sound", ""},
		`{"command":"receive"}`:                               {"", `none of all, screens and sound`},
		`{"command":"retry"}`:                                 {"retry ", ""},
		`{"command":"retry","peer":"x"}`:                      {"retry x", ""},
		`{"command":"volume","peer":"known","percent":50}`:    {"volume known", ""},
		`{"command":"leave"}`:                                 {"leave", ""},
		`{"command":"mic"}`:                                   {"", `needs "on"`},
		`{"command":"mic","on":"yes"}`:                        {"", "no command"},
		`{"command":"chat"}`:                                  {"", `needs a "text"`},
		`{"command":"chat","text":""}`:                        {"say ", `needs a "text"`},
		`{"command":"volume","peer":"known"}`:                 {"", `needs "peer" and "percent"`},
		`{"command":"volume","peer":"known","percent":201}`:   {"", "0 to 200"},
		`{"command":"volume","peer":"unknown","percent":100}`: {"volume unknown", "no sound from"},
		`{"command":"device","kind":"speaker","id":"x"}`:      {"select speaker x", ""},
		`{"command":"device","kind":"microphone"}`:            {"select microphone ", ""},
		`{"command":"device","kind":"lamp"}`:                  {"", "no kind of device"},
		`{"command":"device"}`:                                {"", `needs "kind"`},
		`{"command":"sound"}`:                                 {"sound", ""},
		`{"command":"echo","mode":"off"}`:                     {"echo off noise true gain true music false listen false", ""},
		`{"command":"echo","mode":"maybe"}`:                   {"", "want auto, on or off"},
		`{"command":"echo","on":true}`:                        {"", `needs "mode"`},
		`{"command":"noise","on":false}`:                      {"echo auto noise false gain true music false listen false", ""},
		`{"command":"gain","on":false}`:                       {"echo auto noise true gain false music false listen false", ""},
		`{"command":"music","on":true}`:                       {"echo auto noise true gain true music true listen false", ""},
		`{"command":"music"}`:                                 {"", `music needs "on"`},
		`{"command":"listen-muted","on":true}`:                {"echo auto noise true gain true music false listen true", ""},
		`{"command":"test-sound"}`:                            {"test sound", ""},
		`{"command":"hear-myself"}`:                           {"hear myself", "the microphone is off"},
		`{"command":"file-send","path":"/x y"}`:               {"send /x y to ", ""},
		`{"command":"file-send","path":"/x","peer":"b"}`:      {"send /x to b", ""},
		`{"command":"record","on":true,"dir":"/x"}`:           {"record /x", ""},
		`{"command":"record","on":false}`:                     {"stop recording", ""},
		`{"command":"record"}`:                                {"", `needs "on"`},
		`{"command":"file-send"}`:                             {"", `needs a "path"`},
		`{"command":"file-accept","id":3,"dir":"/tmp"}`:       {"accept 3 into /tmp", ""},
		`{"command":"file-accept"}`:                           {"", `needs the "id"`},
		`{"command":"file-stop","id":3}`:                      {"stop 3", ""},
		`{"command":"file-stop"}`:                             {"", `needs the "id"`},
		`{"command":"verify","peer":"b"}`:                     {"verify b", ""},
		`{"command":"verify"}`:                                {"", `verify needs a "peer"`},
		`{"command":"explode"}`:                               {"", "unknown command"},
		`{}`:                                                  {"", `no "command"`},
		`[1,2]`:                                               {"", "no command"},
		`garbage`:                                             {"", "no command"},
		"\x00\xff":                                            {"", "no command"},
	} {
		var r recorder
		err := obey([]byte(line), &r, &r)
		if got := strings.Join(r.done, ","); got != want.done {
			t.Errorf("%s: did %q, want %q", line, got, want.done)
		}
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: %v, want %q", line, err, want.err)
		}
	}
}

// Every event has the name and the fields of docs/HEADLESS.md.
func TestLines(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	v := &rtc.RoomView{Room: "demo", Self: "me", Name: "me"}
	bob := rtc.Who{Peer: "b", Name: "bob"}
	for _, c := range []struct {
		event rtc.Event
		want  string
	}{
		{rtc.ConnectionStateChanged{Who: bob, State: rtc.StateConnected, Previous: rtc.StateConnecting},
			`{"event":"connection-state-changed","name":"bob","peer":"b","previous":"connecting","state":"connected","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.ICEConnectionStateChanged{Who: bob, State: rtc.ICEChecking, Previous: rtc.ICENew},
			`{"event":"ice-connection-state-changed","name":"bob","peer":"b","previous":"new","state":"checking","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.Reconnecting{Who: bob, Attempt: 2, Of: 3, Delay: 2 * time.Second},
			`{"attempt":2,"delay_ms":2000,"event":"reconnecting","name":"bob","of":3,"peer":"b","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.Reconnected{Who: bob, Attempts: 1, Outage: 1500 * time.Millisecond},
			`{"attempts":1,"event":"reconnected","name":"bob","outage_ms":1500,"peer":"b","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.ReconnectFailed{Who: bob, Attempts: 3},
			`{"attempts":3,"event":"reconnect-failed","name":"bob","peer":"b","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.MediaStateChanged{Who: bob, Media: signal.Media{Mic: true}},
			`{"camera":false,"event":"media-state-changed","mic":true,"name":"bob","peer":"b","screen":false,"time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.ServerStateChanged{State: signal.Reconnecting, Previous: signal.Connected, Attempt: 1, RetryIn: 100 * time.Millisecond},
			`{"attempt":1,"event":"server-state-changed","previous":"connected","retry_ms":100,"state":"reconnecting","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.PicturesPaused{Who: bob, Kind: media.Screen, Paused: true},
			`{"event":"pictures-paused","kind":"screen","name":"bob","paused":true,"peer":"b","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.HearingChanged{Who: bob, Heard: true},
			`{"event":"hearing-changed","heard":true,"hears":false,"name":"bob","peer":"b","time":"2026-01-02T03:04:05.000000006Z"}`},
		{rtc.PeerLeft{Who: bob, Crashed: true},
			`{"crashed":true,"event":"peer-left","name":"bob","peer":"b","time":"2026-01-02T03:04:05.000000006Z"}`},
		{call.MediaResumed{Who: bob, Kind: media.Mic, Gap: time.Second, At: now.Add(time.Second), Perceived: now.Add(1060 * time.Millisecond), Hole: 1040 * time.Millisecond},
			`{"event":"media-resumed","gap_ms":1000,"heard":"2026-01-02T03:04:06.060000006Z","heard_ms":1040,"kind":"audio","name":"bob","peer":"b","time":"2026-01-02T03:04:06.000000006Z"}`},
		{call.MediaResumed{Who: bob, Kind: media.Screen, Gap: time.Second, At: now.Add(time.Second), Perceived: now.Add(1030 * time.Millisecond), Hole: 1010 * time.Millisecond},
			`{"event":"media-resumed","gap_ms":1000,"kind":"screen","name":"bob","peer":"b","seen":"2026-01-02T03:04:06.030000006Z","seen_ms":1010,"time":"2026-01-02T03:04:06.000000006Z"}`},
		{call.Chat{Who: bob, Text: "hi", Time: now},
			`{"event":"chat","history":false,"name":"bob","peer":"b","sent":"2026-01-02T03:04:05.000000006Z","text":"hi","time":"2026-01-02T03:04:05.000000006Z"}`},
		{call.Warning{Warning: media.Warning{Code: "no-camera", Text: "No camera."}},
			`{"code":"no-camera","event":"warning","text":"No camera.","time":"2026-01-02T03:04:05.000000006Z"}`},
		{call.SoundChanged{Sound: call.Sound{Echo: "auto", Gain: true, Idle: "headphones"}},
			`{"echo":"auto","event":"sound","gain":true,"idle":"headphones","listen_muted":false,"music":false,"noise":false,"time":"2026-01-02T03:04:05.000000006Z"}`},
		{call.Left{Reason: "full"},
			`{"event":"left","reason":"full","time":"2026-01-02T03:04:05.000000006Z"}`},
		{call.LanRoomFound{Room: "demo", Host: "Ada", Address: "192.168.1.5:7077"},
			`{"address":"192.168.1.5:7077","event":"lan-room-found","host":"Ada","room":"demo","time":"2026-01-02T03:04:05.000000006Z"}`},
		{call.PlaceChanged{Place: call.Place{
			Dialed: signal.Invite{Server: "http://127.0.0.1:7077/", Name: "demo"},
			Invite: call.Invite{Command: "meet join http://192.168.1.5:7077/demo", Link: "http://192.168.1.5:7077/demo", Works: "works on this network"},
			Where:  "hosted here", Note: "why",
		}},
			`{"event":"invite-changed","invite":"meet join http://192.168.1.5:7077/demo","link":"http://192.168.1.5:7077/demo","note":"why",` +
				`"server":"http://127.0.0.1:7077/","time":"2026-01-02T03:04:05.000000006Z","where":"hosted here","works":"works on this network"}`},
		{rtc.RosterChanged{Participants: []rtc.PeerView{{ID: "b", Name: "bob", Away: true, State: rtc.StateDisconnected}}},
			`{"event":"roster","participants":[` +
				`{"id":"me","media":{"camera":false,"mic":false,"screen":false},"name":"me","presence":"present","self":true,"state":"connected"},` +
				`{"id":"b","media":{"camera":false,"mic":false,"screen":false},"name":"bob","presence":"away","state":"disconnected"}],` +
				`"time":"2026-01-02T03:04:05.000000006Z"}`},
	} {
		if got := sorted(t, line(now, c.event, v, call.Place{})); got != c.want {
			t.Errorf("%T:\n got %s\nwant %s", c.event, got, c.want)
		}
	}
}

// sorted is the JSON of a line with its keys in order: what that order is means
// nothing.
func sorted(t *testing.T, line any) string {
	t.Helper()
	b, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	b, err = json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The figures of a peer have the keys of docs/HEADLESS.md, whatever they are.
func TestStatsLine(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	s := call.PeerStats{Who: rtc.Who{Peer: "b", Name: "bob"}}
	s.Transport.Path, s.Transport.RTT = rtc.PathRelay, 1500*time.Microsecond
	s.Transport.MTU = 1240
	s.Camera = media.PictureStats{FramesDecoded: 3, Bytes: 4, Width: 5, Height: 6, FPS: 7}
	s.Sent = [media.Kinds]uint64{media.Mic: 1, media.Camera: 2, media.Screen: 3}
	const want = `{"audio":{"buffer_ms":0,"bytes":0,"concealed_ms":0,"decoded":0,"jitter_ms":0,"level_db":0,"lost":0,"packets":0},` +
		`"camera":{"bytes":4,"fps":7,"frames_decoded":3,"height":6,"width":5},"event":"stats","mtu":1240,"name":"bob","path":"relay","peer":"b","rtt_ms":1.5,` +
		`"screen":{"bytes":0,"fps":0,"frames_decoded":0,"height":0,"width":0},` +
		`"sent":{"audio_bytes":1,"camera_bytes":2,"screen_bytes":3},"time":"2026-01-02T03:04:05.000000006Z"}`
	if got := sorted(t, stats(now, s)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// brokenPipe fails after the first write.
type brokenPipe struct{ n int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.n++; b.n > 1 {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

func TestOutputThatIsGone(t *testing.T) {
	w := writer{w: &brokenPipe{}}
	for range 3 {
		w.write(leftLine{})
	}
	if err := w.failure(); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("failure %v", err)
	}
}

func TestLongLinesAreSkipped(t *testing.T) {
	var out bytes.Buffer
	long := strings.Repeat("x", 3*maxLine)
	read(strings.NewReader(long+"\n\n  \n{\"command\":\"nonsense\"}\n"+long), &writer{w: &out}, Desk{})
	var codes []string
	dec := json.NewDecoder(&out)
	for dec.More() {
		var e struct{ Event, Code, Text string }
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		codes = append(codes, e.Event+" "+e.Code)
	}
	if len(codes) != 3 || codes[0] != "error bad-command" || codes[1] != codes[0] || codes[2] != codes[0] {
		t.Errorf("answers: %q", codes)
	}
}
