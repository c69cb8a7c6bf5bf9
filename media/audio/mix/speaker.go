package mix

import "time"

// Speaking is the smoothed level in dBov above which someone speaks.
const Speaking = -50

const (
	// lead is by how many dB another must be louder to take over.
	lead = 3
	// hold is for how long: a laugh or a cough does not switch the picture.
	hold = time.Second
)

// Loudness is the smoothed level of one person.
type Loudness struct {
	ID string
	DB float64 // dBov
}

// Dominant picks the person who leads the talk. Someone else must be louder
// for a whole second to take over; whoever spoke last stays while nobody
// speaks. The zero value is ready; it belongs to one goroutine.
type Dominant struct {
	current    string
	challenger string
	since      time.Time // when challenger became the loudest
}

// Update takes in everyone's level at now and returns the id of the dominant
// speaker, "" while nobody has spoken yet.
func (d *Dominant) Update(now time.Time, people []Loudness) string {
	best := Loudness{DB: Speaking}
	own, present := 0.0, false
	for _, p := range people {
		if p.ID == d.current && p.ID != "" {
			own, present = p.DB, true
		}
		if p.DB > best.DB || p.DB == best.DB && best.ID != "" && p.ID < best.ID {
			best = p
		}
	}
	switch {
	case !present:
		// Nobody to displace: the first to speak has the floor at once.
		d.current, d.challenger = best.ID, ""
	case best.ID == "" || best.ID == d.current || best.DB < own+lead:
		d.challenger = ""
	case best.ID != d.challenger:
		d.challenger, d.since = best.ID, now
	case now.Sub(d.since) >= hold:
		d.current, d.challenger = best.ID, ""
	}
	return d.current
}
