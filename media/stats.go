package media

// PictureStats are the figures of one received video stream.
type PictureStats struct {
	FramesDecoded uint64
	Bytes         uint64
	Width, Height int // of the last picture
	FPS           float64
}

// Total is the sum of counters by kind.
func Total(byKind [Kinds]uint64) (sum uint64) {
	for _, n := range byKind {
		sum += n
	}
	return sum
}
