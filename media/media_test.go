package media

import "testing"

func TestKindWords(t *testing.T) {
	for _, tt := range []struct {
		kind                Kind
		event, word, device string
		video               bool
	}{
		{Mic, "mic", "microphone", "microphone", false},
		{Camera, "camera", "camera", "camera", true},
		{Screen, "screen", "screen", "display", true},
		{Speaker, "speaker", "speaker", "speaker", false},
		{200, "unknown", "device", "device", false},
	} {
		if k := tt.kind; k.String() != tt.event || k.Word() != tt.word || k.Device() != tt.device || k.IsVideo() != tt.video {
			t.Errorf("%d: %q, %q, %q, video %t", k, k.String(), k.Word(), k.Device(), k.IsVideo())
		}
	}
	if Speaker < Kinds {
		t.Error("a speaker has a place among what is sent")
	}
}

func TestWhatIsNoTrouble(t *testing.T) {
	for code, want := range map[Code][2]bool{ // good, news
		CameraLost: {}, TalkingMuted: {}, CameraBack: {true, false}, ScreenBack: {true, false},
		MicrophoneBack: {true, false}, MicrophoneHeard: {true, false}, MicrophoneMoved: {false, true}, DevicesChanged: {false, true},
	} {
		if got := [2]bool{code.Good(), code.News()}; got != want {
			t.Errorf("%s: good and news %v, want %v", code, got, want)
		}
	}
}

func TestToggle(t *testing.T) {
	for name, tt := range map[string]struct {
		source Source
		on     bool
		to, ok bool
		say    string
	}{
		"on":                 {Source{Kind: Mic}, true, false, true, ""},
		"off":                {Source{Kind: Mic}, false, true, true, ""},
		"broken, on anyway":  {Source{Kind: Mic, Missing: "gone"}, true, false, true, ""},
		"broken, and wished": {Source{Kind: Mic, Missing: "gone", Wanted: true}, false, false, true, "the microphone stays off when it works again"},
		"broken":             {Source{Kind: Camera, Missing: "gone"}, false, false, false, "gone"},
	} {
		if to, ok, say := tt.source.Toggle(tt.on); to != tt.to || ok != tt.ok || say != tt.say {
			t.Errorf("%s: %t, %t, %q", name, to, ok, say)
		}
	}
}
