package wav

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	headerSize = 44
	// maxData is the most sample data a WAVE file's 32-bit sizes can name.
	maxData = 1<<32 - 1 - headerSize
	// patchEvery is how much sound may be missing from the sizes in the
	// header when the process is killed: one second.
	patchEvery = 2 * pcm.SampleRate
)

// Writer writes mono 16-bit samples at pcm.SampleRate to a file, block by
// block, so that whoever reads along sees them at once. It belongs to one
// goroutine.
type Writer struct {
	file    *os.File
	regular bool // pipes and terminals cannot be written to at an offset
	buf     []byte
	data    int64 // bytes of samples written
	patched int64 // bytes of samples the header knows of
}

// Create makes the file at path, or empties it, and writes the header.
func Create(path string) (*Writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create wav: %w", err)
	}
	w := &Writer{file: file}
	info, err := file.Stat()
	if err == nil {
		w.regular = info.Mode().IsRegular()
		_, err = file.Write(header(0xffffffff - headerSize)) // a reader of a pipe plays to the end
	}
	if err != nil {
		return nil, fmt.Errorf("create wav: %w", firstError(err, file.Close()))
	}
	return w, nil
}

// Write appends samples. It fails when the disk does, or when the file has
// reached the 4 GiB (12 hours) of the format.
func (w *Writer) Write(samples []float32) error {
	w.buf = w.buf[:0]
	for _, s := range samples {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(pcm.Int16(s)))
	}
	if w.data+int64(len(w.buf)) > maxData {
		return fmt.Errorf("write wav %s: the file is full (4 GiB)", w.file.Name())
	}
	n, err := w.file.Write(w.buf)
	w.data += int64(n)
	if err != nil {
		return fmt.Errorf("write wav: %w", err)
	}
	if w.data-w.patched >= patchEvery {
		return w.patch()
	}
	return nil
}

// Close completes the header and closes the file.
func (w *Writer) Close() error {
	if err := firstError(w.patch(), w.file.Close()); err != nil {
		return fmt.Errorf("close wav: %w", err)
	}
	return nil
}

func (w *Writer) patch() error {
	if !w.regular {
		return nil
	}
	w.patched = w.data
	if _, err := w.file.WriteAt(header(uint32(w.data)), 0); err != nil {
		return fmt.Errorf("write wav header: %w", err)
	}
	return nil
}

func header(data uint32) []byte {
	const bytesPerSample = 2
	b := make([]byte, 0, headerSize)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, data+headerSize-8)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, tagPCM)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint32(b, pcm.SampleRate)
	b = binary.LittleEndian.AppendUint32(b, pcm.SampleRate*bytesPerSample)
	b = binary.LittleEndian.AppendUint16(b, bytesPerSample)
	b = binary.LittleEndian.AppendUint16(b, bytesPerSample*8)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, data)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
