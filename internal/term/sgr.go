package term

import "github.com/charmbracelet/x/ansi"

// sgr sets the style of what is printed next (ECMA-48 section 8.3.117).
func (t *Terminal) sgr(params ansi.Params) {
	s := &t.cur.style
	if len(params) == 0 {
		*s = Style{}
		return
	}
	for i := 0; i < len(params); i++ {
		p, more, _ := params.Param(i, 0)
		switch {
		case p == 0:
			*s = Style{}
		case p == 4 && more:
			sub, _, _ := params.Param(i+1, 1)
			s.Attr &^= Underline
			if sub != 0 {
				s.Attr |= Underline
			}
		case p >= 1 && p <= 9:
			s.Attr |= attrs[p]
		case p == 21:
			s.Attr |= Underline // twice
		case p == 22:
			s.Attr &^= Bold | Faint
		case p >= 23 && p <= 29:
			s.Attr &^= attrs[p-20]
		case p >= 30 && p <= 37:
			s.Fg = Indexed(uint8(p - 30))
		case p == 39:
			s.Fg = 0
		case p >= 40 && p <= 47:
			s.Bg = Indexed(uint8(p - 40))
		case p == 49:
			s.Bg = 0
		case p >= 90 && p <= 97:
			s.Fg = Indexed(uint8(p - 90 + 8))
		case p >= 100 && p <= 107:
			s.Bg = Indexed(uint8(p - 100 + 8))
		case p == 38 || p == 48 || p == 58:
			color, ok, used := extended(params[i:])
			if ok && p == 38 {
				s.Fg = color
			} else if ok && p == 48 {
				s.Bg = color
			}
			i += used
		}
		for more { // what is left of a parameter with parts
			if i++; i >= len(params) {
				break
			}
			_, more, _ = params.Param(i, 0)
		}
	}
}

// attrs are the attributes by their number.
var attrs = [10]Attr{1: Bold, 2: Faint, 3: Italic, 4: Underline, 5: Blink, 6: Blink, 7: Reverse, 8: Conceal, 9: Strike}

// extended reads a colour of 256 or of parts, in either form (ITU-T T.416 section
// 13.1.8): 38;5;n, 38;2;r;g;b, 38:5:n, 38:2:r:g:b or 38:2:space:r:g:b. With colons
// it uses nothing: the caller skips the parts.
func extended(params ansi.Params) (c Color, ok bool, used int) {
	_, colons, _ := params.Param(0, 0)
	n := len(params)
	if colons {
		for n = 1; n < len(params); n++ {
			if _, more, _ := params.Param(n, 0); !more {
				n++
				break
			}
		}
	}
	at := func(i int) int {
		if i >= n {
			return 0
		}
		v, _, _ := params.Param(i, 0)
		return min(max(v, 0), 255)
	}
	if n < 2 {
		return 0, false, 0
	}
	switch at(1) {
	case 5:
		c, ok, used = Indexed(uint8(at(2))), n >= 3, min(2, n-1)
	case 2:
		from := 2
		if colons && n >= 6 {
			from = 3
		}
		c, ok, used = RGB(uint8(at(from)), uint8(at(from+1)), uint8(at(from+2))), n >= from+3, min(4, n-1)
	default:
		used = 1
	}
	if colons {
		used = 0
	}
	return c, ok, used
}
