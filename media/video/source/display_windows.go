package source

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/meet-term/meet/media/video"
)

// The functions of the Graphics Device Interface, as far as they are used. It is
// slower than Desktop Duplication, which needs a graphics driver, and works
// everywhere: over remote desktops and in virtual machines as well.
var (
	user32         = windows.NewLazySystemDLL("user32.dll")
	getDC          = user32.NewProc("GetDC")
	releaseDC      = user32.NewProc("ReleaseDC")
	enumMonitors   = user32.NewProc("EnumDisplayMonitors")
	getMonitorInfo = user32.NewProc("GetMonitorInfoW")
	getCursorInfo  = user32.NewProc("GetCursorInfo")
	getIconInfo    = user32.NewProc("GetIconInfo")
	drawIcon       = user32.NewProc("DrawIconEx")
	setAwareness   = user32.NewProc("SetProcessDpiAwarenessContext")

	gdi32            = windows.NewLazySystemDLL("gdi32.dll")
	createDC         = gdi32.NewProc("CreateCompatibleDC")
	deleteDC         = gdi32.NewProc("DeleteDC")
	createDIBSection = gdi32.NewProc("CreateDIBSection")
	selectObject     = gdi32.NewProc("SelectObject")
	deleteObject     = gdi32.NewProc("DeleteObject")
	bitBlt           = gdi32.NewProc("BitBlt")
	gdiFlush         = gdi32.NewProc("GdiFlush")
)

const (
	monitorPrimary = 1           // MONITORINFOF_PRIMARY
	cursorShowing  = 1           // CURSOR_SHOWING
	drawNormal     = 3           // DI_NORMAL
	copyLayered    = 0x40cc0020  // SRCCOPY | CAPTUREBLT: windows that are layers too
	perMonitor     = ^uintptr(3) // DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, which is -4
)

type winRect struct{ left, top, right, bottom int32 }

type winMonitorInfo struct {
	size          uint32
	monitor, work winRect
	flags         uint32
}

type winBitmapInfo struct {
	size                       uint32
	width, height              int32
	planes, bits               uint16
	compression, imageSize     uint32
	perMeterX, perMeterY       int32
	used, important, noPalette uint32
}

type winCursorInfo struct {
	size, flags uint32
	cursor      uintptr
	x, y        int32
}

type winIconInfo struct {
	icon, hotX, hotY uint32
	mask, color      uintptr
}

// aware asks once for true pixels: to others Windows shows a screen of the size it
// would have at 96 dots per inch.
var aware = sync.OnceFunc(func() {
	if setAwareness.Find() == nil { // since 2017
		_, _, _ = setAwareness.Call(perMonitor)
	}
})

// onMonitor is the one callback of the list: they can be made, but not given back.
var onMonitor = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(monitor, _ uintptr, _ *winRect, into *[]rectangle) uintptr {
		info := winMonitorInfo{size: uint32(unsafe.Sizeof(winMonitorInfo{}))}
		if ok, _, _ := getMonitorInfo.Call(monitor, uintptr(unsafe.Pointer(&info))); ok == 0 {
			return 1 // unplugged meanwhile; the next one
		}
		r := info.monitor
		found := rectangle{int(r.left), int(r.top), int(r.right - r.left), int(r.bottom - r.top)}
		if info.flags&monitorPrimary != 0 {
			*into = append([]rectangle{found}, *into...)
		} else {
			*into = append(*into, found)
		}
		return 1
	})
})

// monitors are where the monitors lie, the main one first.
func monitors() []rectangle {
	aware()
	all := new([]rectangle)
	_, _, _ = enumMonitors.Call(0, 0, onMonitor(), uintptr(unsafe.Pointer(all))) // none, then
	return *all
}

// Displays lists the displays that can be shared.
func Displays(context.Context) ([]Info, error) {
	var found []Info
	for i, m := range monitors() {
		found = append(found, Info{
			ID: strconv.Itoa(i), Default: i == 0, Name: fmt.Sprintf("%dx%d at %d,%d", m.width, m.height, m.x, m.y),
		})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("display: %w", ErrNone)
	}
	return found, nil
}

// command is nil: no other program is needed.
func (d display) command() []string { return nil }

// layoutEvery is how often the monitors are looked at again.
const layoutEvery = time.Second

// Run implements [Source].
func (d display) Run(ctx context.Context, demand *Demand, emit func(*video.Frame)) error {
	runtime.LockOSThread() // a context of a screen belongs to a thread
	defer runtime.UnlockOSThread()
	var s screenCopy
	defer s.close()
	var c canvas
	var area rectangle
	var looked time.Time
	return pace(ctx, demand, func(w Want, now time.Time) error {
		if now.Sub(looked) >= layoutEvery {
			all := monitors()
			if int(d) >= len(all) {
				return d.errNoDisplay(len(all))
			}
			area, looked = all[d].even(), now
			if area.width < minFileSide || area.height < minFileSide {
				return fmt.Errorf("display of %d x %d pixels is too small", area.width, area.height)
			}
		}
		pixels, err := s.read(area)
		if errors.Is(err, errHidden) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the screen: %w", err)
		}
		if f := c.update(pixels, area.width, area.height, w, now); f != nil {
			emit(f)
		}
		return nil
	})
}

// errHidden: the screen cannot be read now, as it is locked or asks for a password.
var errHidden = errors.New("the screen is locked")

// screenCopy is a picture that parts of the screen are copied to. Its thread owns it.
type screenCopy struct {
	screen, memory, bitmap uintptr
	before                 uintptr // the bitmap that memory began with
	pixels                 []byte  // of bitmap
	width, height          int
	worked                 bool
}

// read copies a part of the screen, with the pointer. The result holds until the
// next call.
func (s *screenCopy) read(r rectangle) ([]byte, error) {
	if s.width != r.width || s.height != r.height {
		s.close()
		if err := s.open(r.width, r.height); err != nil {
			return nil, err
		}
	}
	ok, _, err := bitBlt.Call(s.memory, 0, 0, uintptr(r.width), uintptr(r.height), s.screen, uintptr(r.x), uintptr(r.y), copyLayered)
	if ok == 0 {
		if s.worked {
			return nil, errHidden
		}
		return nil, fmt.Errorf("copy the screen: %w", err)
	}
	s.worked = true
	s.drawPointer(r)
	_, _, _ = gdiFlush.Call() // until then it may be unfinished
	return s.pixels, nil
}

func (s *screenCopy) open(width, height int) error {
	var err error
	if s.screen, _, err = getDC.Call(0); s.screen == 0 {
		return fmt.Errorf("reach the screen: %w", err)
	}
	if s.memory, _, err = createDC.Call(s.screen); s.memory == 0 {
		return fmt.Errorf("make a picture: %w", err)
	}
	info := winBitmapInfo{width: int32(width), height: -int32(height), planes: 1, bits: 32} // the top row first
	info.size = uint32(unsafe.Sizeof(info)) - 4                                             // without the palette
	var data unsafe.Pointer
	s.bitmap, _, err = createDIBSection.Call(s.memory, uintptr(unsafe.Pointer(&info)), 0, uintptr(unsafe.Pointer(&data)), 0, 0)
	if s.bitmap == 0 || data == nil {
		return fmt.Errorf("make a picture of %d x %d: %w", width, height, err)
	}
	s.before, _, _ = selectObject.Call(s.memory, s.bitmap)
	s.pixels, s.width, s.height = unsafe.Slice((*byte)(data), 4*width*height), width, height
	return nil
}

// drawPointer draws the pointer, which is no part of the screen's pixels.
func (s *screenCopy) drawPointer(r rectangle) {
	c := winCursorInfo{size: uint32(unsafe.Sizeof(winCursorInfo{}))}
	if ok, _, _ := getCursorInfo.Call(uintptr(unsafe.Pointer(&c))); ok == 0 || c.flags&cursorShowing == 0 {
		return
	}
	var i winIconInfo
	if ok, _, _ := getIconInfo.Call(c.cursor, uintptr(unsafe.Pointer(&i))); ok == 0 {
		return
	}
	for _, bitmap := range []uintptr{i.mask, i.color} { // copies that are ours
		if bitmap != 0 {
			_, _, _ = deleteObject.Call(bitmap)
		}
	}
	x, y := int(c.x)-r.x-int(i.hotX), int(c.y)-r.y-int(i.hotY)
	_, _, _ = drawIcon.Call(s.memory, uintptr(x), uintptr(y), c.cursor, 0, 0, 0, 0, drawNormal)
}

// close gives everything back that was made.
func (s *screenCopy) close() {
	if s.memory != 0 {
		if s.before != 0 {
			_, _, _ = selectObject.Call(s.memory, s.before)
		}
		_, _, _ = deleteDC.Call(s.memory)
	}
	if s.bitmap != 0 {
		_, _, _ = deleteObject.Call(s.bitmap)
	}
	if s.screen != 0 {
		_, _, _ = releaseDC.Call(0, s.screen)
	}
	*s = screenCopy{worked: s.worked}
}
