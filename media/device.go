package media

// Device is one that can be chosen.
type Device struct {
	Kind    Kind
	ID      string // names it to the system, and to who chooses it
	Name    string // for people
	Default bool   // it is used where none is named
	InUse   bool
}

// Source is what a medium comes from, or a [Speaker]'s goes to, at present.
type Source struct {
	Kind    Kind
	Name    string  // what people call it, such as "Built-in Audio" or "testcard"
	Spec    string  // as on the command line, such as "default" or "device:ID"
	Missing string  // why it does not work, in plain words; "" if it does
	DB      float64 // level of the microphone in dBov
	Wanted  bool    // it is switched on, and will be on once it works
}

// DeviceKinds are the kinds of devices, in the order in which people see them.
var DeviceKinds = [...]Kind{Mic, Speaker, Camera, Screen}

// SourceOf is what is known of the source of a kind; nothing, if that is nothing.
func SourceOf(all []Source, kind Kind) Source {
	for _, src := range all {
		if src.Kind == kind {
			return src
		}
	}
	return Source{Kind: kind}
}

// Toggle is what pressing the key of a source that is on or off comes to: it is
// to be switched on or off, unless ok is false, and say is what to tell. One that
// is on but does not work would be on as soon as it does: it is switched off.
func (s Source) Toggle(on bool) (to, ok bool, say string) {
	switch {
	case on || s.Missing == "":
		return !on, true, ""
	case s.Wanted:
		return false, true, "the " + s.Kind.Word() + " stays off when it works again"
	}
	return on, false, s.Missing
}
