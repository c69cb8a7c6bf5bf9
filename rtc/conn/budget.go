package conn

import (
	"sync"
	"time"
)

// What we carry for others at most, in bit/s. Sound is everything that is no
// picture.
const (
	carrySound       = 320_000   // of each pair, each way
	carryPictures    = 1_500_000 // of each pair, each way
	carryAllSound    = 4_000_000
	carryAllPictures = 4_000_000
	// carryLeast is what pictures never fall below, so that they are lowered and
	// do not stop for ever.
	carryLeast = 100_000
	// carryBurst is how much may come at once.
	carryBurst = 400 * time.Millisecond
)

const (
	// carryCalm is how long our own call must be well before we carry more.
	carryCalm   = 5 * time.Second
	carryCut    = 0.5
	carryGrowth = 1.1 // per report
)

// bucket lets so many bits per second through. It has no clock and no lock.
type bucket struct {
	rate float64 // bit/s
	has  float64 // bits; negative never
	at   time.Time
}

// fill adds what the time since the last call brings.
func (b *bucket) fill(now time.Time) {
	top := b.rate * carryBurst.Seconds()
	if b.at.IsZero() {
		b.has = top
	} else if d := now.Sub(b.at); d > 0 {
		b.has += b.rate * d.Seconds()
	}
	b.has, b.at = min(b.has, top), now
}

// budget bounds what we carry for others in all.
type budget struct {
	mu              sync.Mutex
	sound, pictures bucket    // guarded by mu
	troubled        time.Time // guarded by mu; when our own call last suffered
}

// share bounds one end of one pair. Guarded by the budget's mu.
type share struct{ sound, pictures bucket }

func newBudget() *budget {
	return &budget{sound: bucket{rate: carryAllSound}, pictures: bucket{rate: carryAllPictures}}
}

func newShare() *share {
	return &share{sound: bucket{rate: carrySound}, pictures: bucket{rate: carryPictures}}
}

// allows reports whether a packet of size bytes may be carried, and counts it.
func (b *budget) allows(now time.Time, s *share, size int, picture bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	all, one := &b.sound, &s.sound
	if picture {
		all, one = &b.pictures, &s.pictures
	}
	all.fill(now)
	one.fill(now)
	bits := float64(size) * 8
	if all.has < bits || one.has < bits {
		return false
	}
	all.has -= bits
	one.has -= bits
	return true
}

// own is told how our own call fares: less of others' pictures is carried as
// soon as it suffers.
func (b *budget) own(now time.Time, suffers bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case suffers:
		b.troubled = now
		b.pictures.rate = max(b.pictures.rate*carryCut, carryLeast)
		b.pictures.has = min(b.pictures.has, b.pictures.rate*carryBurst.Seconds())
	case now.Sub(b.troubled) >= carryCalm:
		b.pictures.rate = min(b.pictures.rate*carryGrowth, carryAllPictures)
	}
}
