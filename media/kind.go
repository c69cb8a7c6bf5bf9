package media

// Kind is a medium. The first three are what a participant sends, in the order of
// their transceivers; a speaker only takes.
type Kind uint8

// The media of a participant.
const (
	Mic Kind = iota
	Camera
	Screen
	Speaker // is not sent: it is no index of what has a place for each of [Kinds]

	Kinds = 3 // how many are sent
)

// String returns the name used in events and on the wire, such as "mic".
func (k Kind) String() string { return kindNames[min(int(k), len(kindNames)-1)].event }

// Word is what people call it when it is switched on and off, such as
// "microphone".
func (k Kind) Word() string { return kindNames[min(int(k), len(kindNames)-1)].word }

// Device is what people call a device for it, such as "display".
func (k Kind) Device() string { return kindNames[min(int(k), len(kindNames)-1)].device }

// IsVideo reports whether it is made of pictures.
func (k Kind) IsVideo() bool { return k == Camera || k == Screen }

var kindNames = [...]struct{ event, word, device string }{
	Mic:     {"mic", "microphone", "microphone"},
	Camera:  {"camera", "camera", "camera"},
	Screen:  {"screen", "screen", "display"},
	Speaker: {"speaker", "speaker", "speaker"},

	Speaker + 1: {"unknown", "device", "device"},
}
