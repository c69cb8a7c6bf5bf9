package stream

import (
	"errors"
	"fmt"

	"github.com/meet-term/meet/media/video/source"
)

// WarningCode names a kind of Warning for programs.
type WarningCode string

// The warnings a Sender gives. Each is given once when it begins to hold, not
// at every retry.
const (
	NoCamera   WarningCode = "no-camera"
	NoScreen   WarningCode = "no-screen"
	CameraLost WarningCode = "camera-lost"
	ScreenLost WarningCode = "screen-lost"
	CameraBack WarningCode = "camera-back"
	ScreenBack WarningCode = "screen-back"
	CameraBusy WarningCode = "camera-busy"
	Refused    WarningCode = "screen-refused"
	FileFailed WarningCode = "video-file"
	NoEncoder  WarningCode = "video-encoder"
)

// Warning tells a person that pictures are not as wished, or are again.
type Warning struct {
	Code WarningCode
	Text string // one line
}

func backWarning(k Kind) Warning {
	if k == Screen {
		return Warning{ScreenBack, "The screen can be shared again."}
	}
	return Warning{CameraBack, "The camera works again."}
}

// sourceWarning words why a source does not work.
func sourceWarning(k Kind, err error) Warning {
	switch {
	case errors.Is(err, source.ErrFile):
		return Warning{FileFailed, fmt.Sprintf("The camera file cannot be played: %v.", err)}
	case errors.Is(err, source.ErrRefused):
		return Warning{Refused, "The desktop does not share the screen, or no longer. Turn sharing off and on to ask again."}
	case errors.Is(err, source.ErrTool):
		if k == Screen {
			return Warning{NoScreen, fmt.Sprintf("The screen cannot be shared: %v.", err)}
		}
		return Warning{NoCamera, fmt.Sprintf("The camera cannot be used: %v. Others cannot see you.", err)}
	case k == Screen && errors.Is(err, source.ErrNone):
		return Warning{NoScreen, "No display found. There is nothing to share."}
	case k == Screen:
		return Warning{ScreenLost, fmt.Sprintf("The screen cannot be read any more: %v.", err)}
	case errors.Is(err, source.ErrNone):
		return Warning{NoCamera, "No camera found. Others cannot see you."}
	case errors.Is(err, source.ErrBusy):
		return Warning{CameraBusy, "The camera is in use by another program. Others cannot see you."}
	default:
		return Warning{CameraLost, fmt.Sprintf("The camera went away: %v. Others cannot see you.", err)}
	}
}
