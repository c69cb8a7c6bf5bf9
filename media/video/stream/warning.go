package stream

import (
	"errors"
	"fmt"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video/source"
)

func backWarning(k media.Kind) media.Warning {
	if k == media.Screen {
		return media.Warning{Code: media.ScreenBack, Text: "The screen can be shared again."}
	}
	return media.Warning{Code: media.CameraBack, Text: "The camera works again."}
}

// sourceWarning words why a source does not work.
func sourceWarning(k media.Kind, err error) media.Warning {
	switch {
	case errors.Is(err, source.ErrFile):
		return media.Warning{Code: media.VideoFile, Text: fmt.Sprintf("The camera file cannot be played: %v.", err)}
	case errors.Is(err, source.ErrRefused):
		return media.Warning{Code: media.ScreenRefused, Text: "The desktop does not share the screen, or no longer. Turn sharing off and on to ask again."}
	case errors.Is(err, source.ErrTool):
		if k == media.Screen {
			return media.Warning{Code: media.NoScreen, Text: fmt.Sprintf("The screen cannot be shared: %v.", err)}
		}
		return media.Warning{Code: media.NoCamera, Text: fmt.Sprintf("The camera cannot be used: %v. Others cannot see you.", err)}
	case k == media.Screen && errors.Is(err, source.ErrNone):
		return media.Warning{Code: media.NoScreen, Text: "No display found. There is nothing to share."}
	case k == media.Screen:
		return media.Warning{Code: media.ScreenLost, Text: fmt.Sprintf("The screen cannot be read any more: %v.", err)}
	case errors.Is(err, source.ErrNone):
		return media.Warning{Code: media.NoCamera, Text: "No camera found. Others cannot see you."}
	case errors.Is(err, source.ErrBusy):
		return media.Warning{Code: media.CameraBusy, Text: "The camera is in use by another program. Others cannot see you."}
	default:
		return media.Warning{Code: media.CameraLost, Text: fmt.Sprintf("The camera went away: %v. Others cannot see you.", err)}
	}
}
