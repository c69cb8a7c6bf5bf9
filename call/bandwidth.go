package call

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseReceive reads what to get of others: all, screens or sound.
func ParseReceive(text string) (Receive, error) {
	for _, r := range ReceiveChoices {
		if string(r) == text {
			return r, nil
		}
	}
	return "", fmt.Errorf("%q is none of all, screens and sound", text)
}

// leastBandwidth is what a call needs for sound at least, in bit/s.
const leastBandwidth = 50_000

// ParseBandwidth reads a rate such as 800k or 2M, in bit/s; "" is 0, no bound.
func ParseBandwidth(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	number, unit := strings.TrimRight(text, "kM"), 1.0
	switch text[len(number):] {
	case "":
	case "k":
		unit = 1e3
	case "M":
		unit = 1e6
	default:
		number = ""
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n*unit >= leastBandwidth && n*unit <= maxKbps*1e3) {
		return 0, fmt.Errorf("%q is no rate in bit/s of 50k or more, such as 800k or 2M", text)
	}
	return int(n * unit), nil
}
