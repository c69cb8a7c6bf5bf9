package termvideo

import "time"

const (
	// baseThreshold is the error per sample (0 to 255, root mean square) below
	// which a cell is left as it is, and within which the current pen stands
	// in for the colour that was wanted. Below it the eye sees no difference
	// in a moving picture.
	baseThreshold = 4
	// maxStrain bounds how often the threshold doubles: 4, 8, 16, 32.
	maxStrain = 3
	// recoveryTime is how long writes have to be quick before the threshold
	// halves again.
	recoveryTime = time.Second
	// maxRest bounds how long nothing is drawn after a slow write: someone who
	// stopped the terminal for a minute should not wait for another one.
	maxRest = time.Second
)

// pace decides how much a terminal is asked to show. A write that blocks
// longer than a frame means that the terminal, or the link to it, is behind:
// then frames are skipped, so that no lag builds up, and cells have to change
// more to be written again. It has no clock of its own.
type pace struct {
	interval time.Duration // one frame
	strain   int           // how often the threshold is doubled now
	resumeAt time.Time     // no frame before this
	quickFor time.Time     // since when every write was quick
}

// holds says whether the frame of this moment is skipped.
func (p *pace) holds(now time.Time) bool { return now.Before(p.resumeAt) }

// wrote takes in that a write began and ended at these times.
func (p *pace) wrote(began, ended time.Time) {
	took := ended.Sub(began)
	if took > p.interval {
		p.strain = min(p.strain+1, maxStrain)
		// The terminal gets as long to breathe as it was busy: its input stays
		// empty half of the time and keys are answered at once.
		p.resumeAt = ended.Add(min(took, maxRest))
		p.quickFor = p.resumeAt
		return
	}
	if p.strain > 0 && took <= p.interval/2 && ended.Sub(p.quickFor) >= recoveryTime {
		p.strain--
		p.quickFor = ended
	} else if took > p.interval/2 {
		p.quickFor = ended
	}
}

// threshold is the error per sample that makes a cell worth writing.
func (p *pace) threshold() int { return baseThreshold << p.strain }
