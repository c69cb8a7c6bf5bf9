package headless

import (
	"encoding/json"
	"time"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// This file holds the lines that go out: a struct each, with the keys of
// docs/HEADLESS.md, which TestLinesAreDocumented compares. A key is a promise;
// keys are added and none is renamed. What is sometimes left out has omitempty,
// and is a pointer where zero is something to say.

// head begins every line.
type head struct {
	Time  stamp  `json:"time"`
	Event string `json:"event"`
}

// stamp is a time in UTC, RFC 3339 with nanoseconds.
type stamp time.Time

// MarshalJSON implements [json.Marshaler].
func (s stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(s).UTC().Format(time.RFC3339Nano))
}

// person is whom a line is about.
type person struct {
	Peer signal.PeerID `json:"peer"`
	Name string        `json:"name"`
}

// Of the call as a whole.
type (
	joinedLine struct {
		head
		Room   string   `json:"room"`
		Self   selfPart `json:"self"`
		Server string   `json:"server"`
		Invite string   `json:"invite"`
		Link   string   `json:"link"`
		Works  string   `json:"works"`
		Where  string   `json:"where"`
	}
	selfPart struct {
		ID   signal.PeerID `json:"id"`
		Name string        `json:"name"`
	}
	lanRoomLine struct {
		head
		Room    string `json:"room"`
		Host    string `json:"host"`
		Address string `json:"address"`
	}
	placeLine struct {
		head
		Server string `json:"server"`
		Invite string `json:"invite"`
		Link   string `json:"link"`
		Works  string `json:"works"`
		Where  string `json:"where"`
		Note   string `json:"note,omitempty"`
	}
	codeLine struct {
		head
		State   string `json:"state"`
		Code    string `json:"code"`
		Command string `json:"command"`
		Expires stamp  `json:"expires"`
		Text    string `json:"text"`
	}
	rosterLine struct {
		head
		Participants []participant `json:"participants"`
	}
	// participant is one row of the roster, oneself the first.
	participant struct {
		ID       signal.PeerID `json:"id"`
		Name     string        `json:"name"`
		Presence string        `json:"presence"`
		Media    signal.Media  `json:"media"`
		State    string        `json:"state"`
		Self     bool          `json:"self,omitempty"`
	}
	serverLine struct {
		head
		State    signal.LinkState `json:"state"`
		Previous signal.LinkState `json:"previous"`
		Attempt  int              `json:"attempt"`
		RetryMS  int64            `json:"retry_ms"`
		Server   string           `json:"server,omitempty"`
		Reason   string           `json:"reason,omitempty"`
		Error    *string          `json:"error,omitempty"`
	}
	soundLine struct {
		head
		Echo        string `json:"echo"`
		Idle        string `json:"idle"`
		Noise       bool   `json:"noise"`
		Gain        bool   `json:"gain"`
		Music       bool   `json:"music"`
		ListenMuted bool   `json:"listen_muted"`
	}
	statusLine struct {
		head
		Room         string           `json:"room"`
		Self         selfPart         `json:"self"`
		Server       signal.LinkState `json:"server"`
		Since        *stamp           `json:"since,omitempty"`
		Media        signal.Media     `json:"media"`
		People       int              `json:"people"`
		Connected    int              `json:"connected"`
		Reconnecting int              `json:"reconnecting"`
		Speaking     []person         `json:"speaking"`
	}
	// messageLine is a warning or an error.
	messageLine struct {
		head
		Code  string `json:"code"`
		Text  string `json:"text"`
		Count int    `json:"count,omitempty"`
	}
	leftLine struct {
		head
		Reason string `json:"reason"`
	}
)

// Of one person and the connection with them.
type (
	// personLine has nothing to add to whom it is about.
	personLine struct {
		head
		person
	}
	identityLine struct {
		head
		person
		Key   string   `json:"key"`
		Mark  rtc.Mark `json:"mark"`
		Words string   `json:"words"`
		Known string   `json:"known,omitempty"`
	}
	peerLeftLine struct {
		head
		person
		Crashed bool `json:"crashed"`
	}
	stateLine struct {
		head
		person
		State    string `json:"state"`
		Previous string `json:"previous"`
	}
	reconnectingLine struct {
		head
		person
		Attempt int   `json:"attempt"`
		Of      int   `json:"of"`
		DelayMS int64 `json:"delay_ms"`
	}
	reconnectedLine struct {
		head
		person
		Attempts int   `json:"attempts"`
		OutageMS int64 `json:"outage_ms"`
	}
	reconnectFailedLine struct {
		head
		person
		Attempts int `json:"attempts"`
	}
	connectFailedLine struct {
		head
		person
		Tried []attempted `json:"tried"`
		Text  string      `json:"text"`
	}
	// attempted is one way that was tried.
	attempted struct {
		Way    string `json:"way"`
		Result string `json:"result"`
	}
	pathLine struct {
		head
		person
		Path     string  `json:"path"`
		Previous string  `json:"previous"`
		Via      *string `json:"via,omitempty"`
	}
	carryingLine struct {
		head
		Pairs [][2]person `json:"pairs"`
	}
	chatLine struct {
		head
		person
		Text    string `json:"text"`
		Sent    stamp  `json:"sent"`
		History bool   `json:"history"`
	}
)

// recordingLine is of somebody who records, or of oneself.
type recordingLine struct {
	head
	person
	On  bool   `json:"on"`
	Dir string `json:"dir,omitempty"`
}

// Of files, from them or to them.
type (
	fileOfferedLine struct {
		head
		person
		ID   int    `json:"id"`
		File string `json:"file"`
		Size int64  `json:"size"`
		Mine bool   `json:"mine,omitempty"`
		Path string `json:"path,omitempty"`
	}
	fileProgressLine struct {
		head
		person
		ID    int    `json:"id"`
		File  string `json:"file"`
		Bytes int64  `json:"bytes"`
		Size  int64  `json:"size"`
		Mine  bool   `json:"mine,omitempty"`
	}
	fileDoneLine struct {
		head
		person
		ID     int    `json:"id"`
		File   string `json:"file"`
		Size   int64  `json:"size"`
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
		Mine   bool   `json:"mine,omitempty"`
	}
	fileFailedLine struct {
		head
		person
		ID    int    `json:"id"`
		File  string `json:"file"`
		Error string `json:"error"`
		Mine  bool   `json:"mine,omitempty"`
	}
)

// Of shared terminals.
type (
	terminalLine struct {
		head
		person
		ID    int    `json:"id"`
		Title string `json:"title"`
		Cols  int    `json:"cols"`
		Rows  int    `json:"rows"`
	}
	terminalAskedLine struct {
		head
		person
		ID int `json:"id"`
	}
	// terminalAllowedLine is about who types; owner is who shares.
	terminalAllowedLine struct {
		head
		person
		Owner person `json:"owner"`
		ID    int    `json:"id"`
		On    bool   `json:"on"`
	}
	terminalTextLine struct {
		head
		person
		ID     int      `json:"id"`
		Title  string   `json:"title"`
		Cols   int      `json:"cols"`
		Rows   []string `json:"rows"`
		Cursor [2]int   `json:"cursor"`
		Typing []person `json:"typing"`
	}
)

// Of somebody's media.
type (
	mediaLine struct {
		head
		person
		signal.Media
	}
	handLine struct {
		head
		person
		On bool `json:"on"`
	}
	hearingLine struct {
		head
		person
		Heard bool `json:"heard"`
		Hears bool `json:"hears"`
	}
	pausedLine struct {
		head
		person
		Kind   string `json:"kind"`
		Paused bool   `json:"paused"`
	}
	mediaStartedLine struct {
		head
		person
		Kind string `json:"kind"`
	}
	mediaResumedLine struct {
		head
		person
		Kind    string `json:"kind"`
		GapMS   int64  `json:"gap_ms"`
		Heard   *stamp `json:"heard,omitempty"`
		HeardMS *int64 `json:"heard_ms,omitempty"`
		Seen    *stamp `json:"seen,omitempty"`
		SeenMS  *int64 `json:"seen_ms,omitempty"`
	}
	statsLine struct {
		head
		person
		Path         string    `json:"path"`
		Via          *string   `json:"via,omitempty"`
		RTTMS        *float64  `json:"rtt_ms,omitempty"`
		MTU          int       `json:"mtu"`
		FirstDecoded *stamp    `json:"first_decoded,omitempty"`
		Audio        soundPart `json:"audio"`
		Camera       videoPart `json:"camera"`
		Screen       videoPart `json:"screen"`
		Sent         sentPart  `json:"sent"`
	}
	soundPart struct {
		Packets     uint64  `json:"packets"`
		Decoded     uint64  `json:"decoded"`
		Bytes       uint64  `json:"bytes"`
		Lost        uint64  `json:"lost"`
		JitterMS    float64 `json:"jitter_ms"`
		ConcealedMS float64 `json:"concealed_ms"`
		LevelDB     float64 `json:"level_db"`
		BufferMS    float64 `json:"buffer_ms"`
	}
	videoPart struct {
		FramesDecoded uint64  `json:"frames_decoded"`
		Bytes         uint64  `json:"bytes"`
		Width         int     `json:"width"`
		Height        int     `json:"height"`
		FPS           float64 `json:"fps"`
	}
	sentPart struct {
		AudioBytes  uint64 `json:"audio_bytes"`
		CameraBytes uint64 `json:"camera_bytes"`
		ScreenBytes uint64 `json:"screen_bytes"`
	}
)
