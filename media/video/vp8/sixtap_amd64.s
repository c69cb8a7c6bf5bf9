//go:build !purego

#include "textflag.h"

// The six-tap filter (RFC 6386, section 18.3) over eight samples at once, in
// SSE2: sums in eight signed lanes of 16 bits. A sum may exceed 32767, but only
// with the last product, which is therefore added with saturation: anything
// above 32640 makes 255 anyway.

DATA round<>+0(SB)/8, $0x0040004000400040
DATA round<>+8(SB)/8, $0x0040004000400040
GLOBL round<>(SB), RODATA|NOPTR, $16

// WEIGHT repeats the low 16 bits of a weight in all lanes of x.
#define WEIGHT(at, x) \
	MOVQ at, x \
	PSHUFLW $0, x, x \
	PUNPCKLQDQ x, x

// SETUP loads the arguments: dst DI, its stride R8, src SI, its stride DX, width
// CX, height R10, weights X10 to X15, of which X11 and X14 count as negative,
// what rounds X9, zero X8.
#define SETUP \
	MOVQ dst+0(FP), DI \
	MOVQ dstStride+8(FP), R8 \
	MOVQ src+16(FP), SI \
	MOVQ stride+24(FP), DX \
	MOVQ taps+32(FP), AX \
	MOVQ w+40(FP), CX \
	MOVQ h+48(FP), R10 \
	WEIGHT(0(AX), X10) \
	WEIGHT(8(AX), X11) \
	WEIGHT(16(AX), X12) \
	WEIGHT(24(AX), X13) \
	WEIGHT(32(AX), X14) \
	WEIGHT(40(AX), X15) \
	MOVO round<>(SB), X9 \
	PXOR X8, X8

// SAMPLES takes eight samples to the lanes of x.
#define SAMPLES(at, x) \
	MOVQ at, x \
	PUNPCKLBW X8, x

// func sixTapAcross(dst *byte, dstStride int, src *byte, stride int, taps *[6]uint64, w, h int)
TEXT ·sixTapAcross(SB), NOSPLIT, $0-56
	SETUP

columns:
	MOVQ SI, AX
	MOVQ DI, BX
	MOVQ R10, R9

row:
	SAMPLES((AX), X0)
	SAMPLES(1(AX), X1)
	SAMPLES(2(AX), X2)
	SAMPLES(3(AX), X3)
	SAMPLES(4(AX), X4)
	SAMPLES(5(AX), X5)
	PMULLW X10, X0
	PMULLW X11, X1
	PMULLW X12, X2
	PMULLW X13, X3
	PMULLW X14, X4
	PMULLW X15, X5
	PADDW X9, X0
	PADDW X5, X0
	PSUBW X1, X2
	PSUBW X4, X0
	PADDW X0, X2
	PADDSW X3, X2
	PSRAW $7, X2
	PACKUSWB X2, X2
	CMPQ CX, $4
	JEQ four
	MOVQ X2, (BX)
	JMP next

four:
	MOVL X2, (BX)

next:
	ADDQ DX, AX
	ADDQ R8, BX
	DECQ R9
	JNZ row
	ADDQ $8, SI
	ADDQ $8, DI
	SUBQ $8, CX
	JGT columns
	RET

// func sixTapDown(dst *byte, dstStride int, src *byte, stride int, taps *[6]uint64, w, h int)
TEXT ·sixTapDown(SB), NOSPLIT, $0-56
	SETUP

columns:
	MOVQ SI, AX
	MOVQ DI, BX
	MOVQ R10, R9
	SAMPLES((AX), X0)
	ADDQ DX, AX
	SAMPLES((AX), X1)
	ADDQ DX, AX
	SAMPLES((AX), X2)
	ADDQ DX, AX
	SAMPLES((AX), X3)
	ADDQ DX, AX
	SAMPLES((AX), X4)

row:
	ADDQ DX, AX
	SAMPLES((AX), X5)
	PMULLW X10, X0
	PADDW X9, X0
	MOVO X1, X6
	PMULLW X11, X6
	PSUBW X6, X0
	MOVO X4, X7
	PMULLW X14, X7
	PSUBW X7, X0
	MOVO X5, X6
	PMULLW X15, X6
	PADDW X6, X0
	MOVO X2, X7
	PMULLW X12, X7
	PADDW X7, X0
	MOVO X3, X6
	PMULLW X13, X6
	PADDSW X6, X0
	PSRAW $7, X0
	PACKUSWB X0, X0
	CMPQ CX, $4
	JEQ four
	MOVQ X0, (BX)
	JMP next

four:
	MOVL X0, (BX)

next:
	MOVO X1, X0
	MOVO X2, X1
	MOVO X3, X2
	MOVO X4, X3
	MOVO X5, X4
	ADDQ R8, BX
	DECQ R9
	JNZ row
	ADDQ $8, SI
	ADDQ $8, DI
	SUBQ $8, CX
	JGT columns
	RET
