package vp8

import "encoding/binary"

// The constants of the inverse DCT in 16-bit fixed point: sqrt(2)*cos(pi/8)-1
// and sqrt(2)*sin(pi/8) (RFC 6386, section 14.3).
const (
	cosPi8Minus1 = 20091
	sinPi8       = 35468
)

// inverseWalsh turns a Y2 block into the 16 luma DCs, in place (RFC 6386,
// section 14.3).
func inverseWalsh(c *[16]int16) {
	var t [16]int32
	for i := range 4 {
		a := int32(c[i]) + int32(c[12+i])
		b := int32(c[4+i]) + int32(c[8+i])
		e := int32(c[4+i]) - int32(c[8+i])
		d := int32(c[i]) - int32(c[12+i])
		t[i], t[4+i], t[8+i], t[12+i] = a+b, e+d, a-b, d-e
	}
	for i := 0; i < 16; i += 4 {
		a := t[i] + t[i+3]
		b := t[i+1] + t[i+2]
		e := t[i+1] - t[i+2]
		d := t[i] - t[i+3]
		c[i] = int16((a + b + 3) >> 3)
		c[i+1] = int16((e + d + 3) >> 3)
		c[i+2] = int16((a - b + 3) >> 3)
		c[i+3] = int16((d - e + 3) >> 3)
	}
}

// addDCT adds the inverse transform of a block to the 4x4 samples at dst
// (RFC 6386, section 14.3).
func addDCT(c *[16]int16, dst []byte, stride int) {
	var t [16]int32
	for i := range 4 {
		c0, c1, c2, c3 := int32(c[i]), int32(c[4+i]), int32(c[8+i]), int32(c[12+i])
		a, b := c0+c2, c0-c2
		e := c1*sinPi8>>16 - (c3 + c3*cosPi8Minus1>>16)
		d := (c1 + c1*cosPi8Minus1>>16) + c3*sinPi8>>16
		t[i], t[4+i], t[8+i], t[12+i] = a+d, b+e, b-e, a-d
	}
	for y := range 4 {
		t0, t1, t2, t3 := t[4*y], t[4*y+1], t[4*y+2], t[4*y+3]
		a, b := t0+t2+4, t0-t2+4
		e := t1*sinPi8>>16 - (t3 + t3*cosPi8Minus1>>16)
		d := (t1 + t1*cosPi8Minus1>>16) + t3*sinPi8>>16
		row := (*[4]byte)(dst[y*stride:])
		row[0] = clampByte(int32(row[0]) + (a+d)>>3)
		row[1] = clampByte(int32(row[1]) + (b+e)>>3)
		row[2] = clampByte(int32(row[2]) + (b-e)>>3)
		row[3] = clampByte(int32(row[3]) + (a-d)>>3)
	}
}

// addDCsWords is addDCs with four samples at a time.
func addDCsWords(a, b []byte, stride int, c, d *[2][16]int16) {
	addDC(c[0][0], a, stride)
	addDC(c[1][0], a[4:], stride)
	addDC(d[0][0], b, stride)
	addDC(d[1][0], b[4:], stride)
}

// addDC is addDCT for a block that has nothing but a DC.
func addDC(dc int16, dst []byte, stride int) {
	// Beyond 255 every sample is at its limit anyway.
	v := uint64(0x8000+min(max((int(dc)+4)>>3, -255), 255)) * laneOnes
	r0, r1 := dst[:4], dst[stride:stride+4]
	r2, r3 := dst[2*stride:2*stride+4], dst[3*stride:3*stride+4]
	a := uint64(binary.LittleEndian.Uint32(r0)) | uint64(binary.LittleEndian.Uint32(r1))<<32
	b := uint64(binary.LittleEndian.Uint32(r2)) | uint64(binary.LittleEndian.Uint32(r3))<<32
	a = saturate(a&laneMask+v) | saturate(a>>8&laneMask+v)<<8
	b = saturate(b&laneMask+v) | saturate(b>>8&laneMask+v)<<8
	binary.LittleEndian.PutUint32(r0, uint32(a))
	binary.LittleEndian.PutUint32(r1, uint32(a>>32))
	binary.LittleEndian.PutUint32(r2, uint32(b))
	binary.LittleEndian.PutUint32(r3, uint32(b>>32))
}

// clampByte saturates v to a sample.
func clampByte(v int32) byte {
	if uint32(v) <= 255 {
		return byte(v)
	}
	return byte(^v >> 31) // 0 below, 255 above
}
