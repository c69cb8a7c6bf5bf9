package media

// PictureStats are the figures of one received video stream.
type PictureStats struct {
	FramesDecoded uint64
	Bytes         uint64
	Width, Height int // of the last picture
	FPS           float64
}
