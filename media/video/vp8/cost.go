package vp8

import "math"

// costs gives the price of a zero of probability p/256 in 1/256 bits.
var costs = func() (t [257]uint16) {
	for p := 1; p <= 256; p++ {
		t[p] = uint16(math.Round(-256 * math.Log2(float64(p)/256)))
	}
	t[0] = t[1]
	return t
}()

// bitCost is the price of a bit in 1/256 bits.
func bitCost(p uint8, bit bool) int {
	if bit {
		return int(costs[256-int(p)])
	}
	return int(costs[p])
}

// binaryCost is the price of zeros and ones with one probability.
func binaryCost(p uint8, zeros, ones int) int {
	return zeros*int(costs[p]) + ones*int(costs[256-int(p)])
}

// bestProb is the probability that suits the counts best.
func bestProb(zeros, ones int) uint8 {
	if zeros+ones == 0 {
		return 128
	}
	return uint8(min(max((zeros*256+(zeros+ones)/2)/(zeros+ones), 1), 255))
}
