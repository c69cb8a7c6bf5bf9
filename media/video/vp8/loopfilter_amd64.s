//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The loop filters (RFC 6386, sections 15.2 to 15.4) over 16 places of an edge at
// once, in SSE2, which every amd64 machine has. Samples are unsigned
// bytes in the masks; for the filters the top bit is turned, which takes 128
// away, so that the saturating instructions limit as the RFC does.
//
// Everywhere X0 to X7 are the samples across the edge, p3 p2 p1 p0 q0 q1 q2 q3,
// one place in each byte.

DATA sign<>+0(SB)/8, $0x8080808080808080
DATA sign<>+8(SB)/8, $0x8080808080808080
GLOBL sign<>(SB), RODATA|NOPTR, $16
DATA even<>+0(SB)/8, $0xfefefefefefefefe
DATA even<>+8(SB)/8, $0xfefefefefefefefe
GLOBL even<>(SB), RODATA|NOPTR, $16
DATA low5<>+0(SB)/8, $0x1f1f1f1f1f1f1f1f
DATA low5<>+8(SB)/8, $0x1f1f1f1f1f1f1f1f
GLOBL low5<>(SB), RODATA|NOPTR, $16
DATA bytes3<>+0(SB)/8, $0x0303030303030303
DATA bytes3<>+8(SB)/8, $0x0303030303030303
GLOBL bytes3<>(SB), RODATA|NOPTR, $16
DATA bytes4<>+0(SB)/8, $0x0404040404040404
DATA bytes4<>+8(SB)/8, $0x0404040404040404
GLOBL bytes4<>(SB), RODATA|NOPTR, $16
DATA bytes8<>+0(SB)/8, $0x0808080808080808
DATA bytes8<>+8(SB)/8, $0x0808080808080808
GLOBL bytes8<>(SB), RODATA|NOPTR, $16
DATA bytes16<>+0(SB)/8, $0x1010101010101010
DATA bytes16<>+8(SB)/8, $0x1010101010101010
GLOBL bytes16<>(SB), RODATA|NOPTR, $16
DATA words9<>+0(SB)/8, $0x0900090009000900
DATA words9<>+8(SB)/8, $0x0900090009000900
GLOBL words9<>(SB), RODATA|NOPTR, $16
DATA words63<>+0(SB)/8, $0x003f003f003f003f
DATA words63<>+8(SB)/8, $0x003f003f003f003f
GLOBL words63<>(SB), RODATA|NOPTR, $16

// ARGUMENTS loads what all functions here take, and makes the addresses from
// which addressing modes reach eight rows each: of a by SI and R8, of b by DI
// and R9, DX being the stride and CX three times that.
#define ARGUMENTS \
	MOVQ a+0(FP), SI \
	MOVQ b+8(FP), DI \
	MOVQ stride+16(FP), DX \
	MOVQ l+24(FP), AX \
	LEAQ (DX)(DX*2), CX \
	LEAQ (SI)(DX*4), R8 \
	LEAQ (DI)(DX*4), R9

// DIFFERENCE(a, b, d, t) is d = |a - b|.
#define DIFFERENCE(a, b, d, t) \
	MOVO a, d \
	MOVO b, t \
	PSUBUSB b, d \
	PSUBUSB a, t \
	POR t, d

// LIMIT(at, x) repeats a limit, which edgeLimits holds in four lanes of 16
// bits, in all bytes of x.
#define LIMIT(at, x) \
	MOVQ at(AX), x \
	PUNPCKLQDQ x, x \
	PACKUSWB x, x

// MASKS sets X8 where the edge is to be filtered and X9 where its variance is
// not high, and clears X11. It uses X10, X12 and X13.
#define MASKS \
	DIFFERENCE(X0, X1, X8, X12) \
	DIFFERENCE(X1, X2, X10, X12) \
	PMAXUB X10, X8 \
	DIFFERENCE(X6, X5, X10, X12) \
	PMAXUB X10, X8 \
	DIFFERENCE(X7, X6, X10, X12) \
	PMAXUB X10, X8 \
	DIFFERENCE(X2, X3, X9, X12) \
	DIFFERENCE(X5, X4, X10, X12) \
	PMAXUB X10, X9 \
	PMAXUB X9, X8 \
	LIMIT(edgeLimits_interior, X11) \
	PSUBUSB X11, X8 \
	DIFFERENCE(X3, X4, X10, X12) \
	PADDUSB X10, X10 \
	DIFFERENCE(X2, X5, X13, X12) \
	PAND even<>(SB), X13 \
	PSRLW $1, X13 \
	PADDUSB X13, X10 \
	LIMIT(edgeLimits_edge, X11) \
	PSUBUSB X11, X10 \
	POR X10, X8 \
	LIMIT(edgeLimits_hev, X12) \
	PSUBUSB X12, X9 \
	PXOR X11, X11 \
	PCMPEQB X11, X9 \
	PCMPEQB X11, X8

// EIGHTH(x) divides signed bytes by 8, rounding down, and adds 16.
#define EIGHTH(x) \
	PXOR sign<>(SB), x \
	PSRLW $3, x \
	PAND low5<>(SB), x

// INNER filters X2 to X5, the edge between two blocks of a macroblock, by the
// masks. It uses X8, X10, X12 and X13.
#define INNER \
	PXOR sign<>(SB), X2 \
	PXOR sign<>(SB), X3 \
	PXOR sign<>(SB), X4 \
	PXOR sign<>(SB), X5 \
	MOVO X2, X10 \
	PSUBSB X5, X10 \
	MOVO X9, X12 \
	PANDN X10, X12 \
	MOVO X4, X10 \
	PSUBSB X3, X10 \
	PADDSB X10, X12 \
	PADDSB X10, X12 \
	PADDSB X10, X12 \
	PAND X8, X12 \
	MOVO X12, X10 \
	PADDSB bytes4<>(SB), X12 \
	PADDSB bytes3<>(SB), X10 \
	EIGHTH(X12) \
	EIGHTH(X10) \
	MOVO X12, X13 \
	PSUBB bytes16<>(SB), X13 \
	PSUBB bytes16<>(SB), X10 \
	PSUBSB X13, X4 \
	PADDSB X10, X3 \
	PAVGB X11, X12 /* half of it, rounded up, plus 8 */ \
	PSUBB bytes8<>(SB), X12 \
	PAND X9, X12 \
	PSUBSB X12, X5 \
	PADDSB X12, X2 \
	PXOR sign<>(SB), X2 \
	PXOR sign<>(SB), X3 \
	PXOR sign<>(SB), X4 \
	PXOR sign<>(SB), X5

// MOVE(p, q) moves p and q towards each other by an eighth of the sixteenths in
// X14 and X15. It uses X8 and X12.
#define MOVE(p, q) \
	MOVO X14, X8 \
	MOVO X15, X12 \
	PSRAW $7, X8 \
	PSRAW $7, X12 \
	PACKSSWB X12, X8 \
	PSUBSB X8, q \
	PADDSB X8, p

// OUTER filters X1 to X6, the edge between two macroblocks, by the masks. It
// uses X8, X10 and X12 to X15.
#define OUTER \
	PXOR sign<>(SB), X1 \
	PXOR sign<>(SB), X2 \
	PXOR sign<>(SB), X3 \
	PXOR sign<>(SB), X4 \
	PXOR sign<>(SB), X5 \
	PXOR sign<>(SB), X6 \
	MOVO X2, X12 \
	PSUBSB X5, X12 \
	MOVO X4, X10 \
	PSUBSB X3, X10 \
	PADDSB X10, X12 \
	PADDSB X10, X12 \
	PADDSB X10, X12 \
	PAND X8, X12 \
	MOVO X9, X10 /* where the variance is high, only the next samples move */ \
	PANDN X12, X10 \
	PAND X9, X12 \
	MOVO X10, X13 \
	PADDSB bytes4<>(SB), X10 \
	PADDSB bytes3<>(SB), X13 \
	EIGHTH(X10) \
	EIGHTH(X13) \
	PSUBB bytes16<>(SB), X10 \
	PSUBB bytes16<>(SB), X13 \
	PSUBSB X10, X4 \
	PADDSB X13, X3 \
	PXOR X10, X10 /* elsewhere three on either side do: 9, 18 and 27 parts of 128 */ \
	PXOR X13, X13 \
	PUNPCKLBW X12, X10 \
	PUNPCKHBW X12, X13 \
	PMULHW words9<>(SB), X10 \
	PMULHW words9<>(SB), X13 \
	MOVO X10, X14 \
	MOVO X13, X15 \
	PADDW words63<>(SB), X14 \
	PADDW words63<>(SB), X15 \
	MOVE(X1, X6) \
	PADDW X10, X14 \
	PADDW X13, X15 \
	MOVE(X2, X5) \
	PADDW X10, X14 \
	PADDW X13, X15 \
	MOVE(X3, X4) \
	PXOR sign<>(SB), X1 \
	PXOR sign<>(SB), X2 \
	PXOR sign<>(SB), X3 \
	PXOR sign<>(SB), X4 \
	PXOR sign<>(SB), X5 \
	PXOR sign<>(SB), X6

// LOADROWS takes eight rows of eight samples of a and of b to X0 to X7, those
// of b to the upper halves.
#define LOADROWS \
	MOVQ (SI), X0 \
	MOVHPS (DI), X0 \
	MOVQ (SI)(DX*1), X1 \
	MOVHPS (DI)(DX*1), X1 \
	MOVQ (SI)(DX*2), X2 \
	MOVHPS (DI)(DX*2), X2 \
	MOVQ (SI)(CX*1), X3 \
	MOVHPS (DI)(CX*1), X3 \
	MOVQ (R8), X4 \
	MOVHPS (R9), X4 \
	MOVQ (R8)(DX*1), X5 \
	MOVHPS (R9)(DX*1), X5 \
	MOVQ (R8)(DX*2), X6 \
	MOVHPS (R9)(DX*2), X6 \
	MOVQ (R8)(CX*1), X7 \
	MOVHPS (R9)(CX*1), X7

// PAIR loads two rows of eight samples and interleaves them.
#define PAIR(r0, r1, x, t) \
	MOVQ r0, x \
	MOVQ r1, t \
	PUNPCKLBW t, x

// LOADCOLUMNS takes eight columns to X0 to X7, whose lower halves are from the
// eight rows of a and the upper halves from those of b.
#define LOADCOLUMNS \
	PAIR((SI), (SI)(DX*1), X0, X8) \
	PAIR((SI)(DX*2), (SI)(CX*1), X1, X9) \
	PAIR((R8), (R8)(DX*1), X2, X10) \
	PAIR((R8)(DX*2), (R8)(CX*1), X3, X11) \
	PAIR((DI), (DI)(DX*1), X4, X12) \
	PAIR((DI)(DX*2), (DI)(CX*1), X5, X13) \
	PAIR((R9), (R9)(DX*1), X6, X14) \
	PAIR((R9)(DX*2), (R9)(CX*1), X7, X15) \
	MOVO X0, X8 /* four rows: columns 0 to 3 in X0, 4 to 7 in X8 */ \
	PUNPCKLWL X1, X0 \
	PUNPCKHWL X1, X8 \
	MOVO X2, X9 \
	PUNPCKLWL X3, X2 \
	PUNPCKHWL X3, X9 \
	MOVO X4, X10 \
	PUNPCKLWL X5, X4 \
	PUNPCKHWL X5, X10 \
	MOVO X6, X11 \
	PUNPCKLWL X7, X6 \
	PUNPCKHWL X7, X11 \
	MOVO X0, X1 /* eight rows: columns 0 and 1 in X0, 2 and 3 in X1 */ \
	PUNPCKLLQ X2, X0 \
	PUNPCKHLQ X2, X1 \
	MOVO X4, X5 \
	PUNPCKLLQ X6, X4 \
	PUNPCKHLQ X6, X5 \
	MOVO X8, X12 \
	PUNPCKLLQ X9, X8 \
	PUNPCKHLQ X9, X12 \
	MOVO X10, X13 \
	PUNPCKLLQ X11, X10 \
	PUNPCKHLQ X11, X13 \
	MOVO X0, X14 /* all sixteen */ \
	PUNPCKLQDQ X4, X0 \
	PUNPCKHQDQ X4, X14 \
	MOVO X1, X2 \
	PUNPCKLQDQ X5, X2 \
	MOVO X1, X3 \
	PUNPCKHQDQ X5, X3 \
	MOVO X14, X1 \
	MOVO X8, X4 \
	PUNPCKLQDQ X10, X4 \
	MOVO X8, X5 \
	PUNPCKHQDQ X10, X5 \
	MOVO X12, X6 \
	PUNPCKLQDQ X13, X6 \
	MOVO X12, X7 \
	PUNPCKHQDQ X13, X7

// STOREEIGHT writes eight rows of eight samples from base and base4 on, given
// columns 0 and 1 interleaved in c01, and so on. It uses t.
#define STOREEIGHT(base, base4, c01, c23, c45, c67, t) \
	MOVO c01, t \
	PUNPCKLWL c23, c01 /* rows 0 to 3, columns 0 to 3 */ \
	PUNPCKHWL c23, t /* rows 4 to 7 */ \
	MOVO c45, c23 \
	PUNPCKLWL c67, c45 /* rows 0 to 3, columns 4 to 7 */ \
	PUNPCKHWL c67, c23 /* rows 4 to 7 */ \
	MOVO c01, c67 \
	PUNPCKLLQ c45, c01 \
	PUNPCKHLQ c45, c67 \
	MOVQ c01, (base) \
	MOVHPS c01, (base)(DX*1) \
	MOVQ c67, (base)(DX*2) \
	MOVHPS c67, (base)(CX*1) \
	MOVO t, c67 \
	PUNPCKLLQ c23, t \
	PUNPCKHLQ c23, c67 \
	MOVQ t, (base4) \
	MOVHPS t, (base4)(DX*1) \
	MOVQ c67, (base4)(DX*2) \
	MOVHPS c67, (base4)(CX*1)

// STOREFOUR writes the four words of x to the middle of four rows.
#define STOREFOUR(r0, r1, r2, r3, x) \
	MOVL x, r0 \
	PSRLO $4, x \
	MOVL x, r1 \
	PSRLO $4, x \
	MOVL x, r2 \
	PSRLO $4, x \
	MOVL x, r3

// func innerDown16(a, b *byte, stride int, l *edgeLimits)
TEXT ·innerDown16(SB), NOSPLIT, $0-32
	ARGUMENTS
	LOADROWS
	MASKS
	PMOVMSKB X8, BX
	TESTL BX, BX
	JZ done
	INNER
	MOVQ X2, (SI)(DX*2)
	MOVHPS X2, (DI)(DX*2)
	MOVQ X3, (SI)(CX*1)
	MOVHPS X3, (DI)(CX*1)
	MOVQ X4, (R8)
	MOVHPS X4, (R9)
	MOVQ X5, (R8)(DX*1)
	MOVHPS X5, (R9)(DX*1)
done:
	RET

// func outerDown16(a, b *byte, stride int, l *edgeLimits)
TEXT ·outerDown16(SB), NOSPLIT, $0-32
	ARGUMENTS
	LOADROWS
	MASKS
	PMOVMSKB X8, BX
	TESTL BX, BX
	JZ done
	OUTER
	MOVQ X1, (SI)(DX*1)
	MOVHPS X1, (DI)(DX*1)
	MOVQ X2, (SI)(DX*2)
	MOVHPS X2, (DI)(DX*2)
	MOVQ X3, (SI)(CX*1)
	MOVHPS X3, (DI)(CX*1)
	MOVQ X4, (R8)
	MOVHPS X4, (R9)
	MOVQ X5, (R8)(DX*1)
	MOVHPS X5, (R9)(DX*1)
	MOVQ X6, (R8)(DX*2)
	MOVHPS X6, (R9)(DX*2)
done:
	RET

// func innerAcross16(a, b *byte, stride int, l *edgeLimits)
TEXT ·innerAcross16(SB), NOSPLIT, $0-32
	ARGUMENTS
	LOADCOLUMNS
	MASKS
	PMOVMSKB X8, BX
	TESTL BX, BX
	JZ done
	INNER
	MOVO X2, X0
	PUNPCKLBW X3, X2
	PUNPCKHBW X3, X0
	MOVO X4, X1
	PUNPCKLBW X5, X4
	PUNPCKHBW X5, X1
	MOVO X2, X3
	PUNPCKLWL X4, X2
	PUNPCKHWL X4, X3
	MOVO X0, X5
	PUNPCKLWL X1, X0
	PUNPCKHWL X1, X5
	STOREFOUR(2(SI), 2(SI)(DX*1), 2(SI)(DX*2), 2(SI)(CX*1), X2)
	STOREFOUR(2(R8), 2(R8)(DX*1), 2(R8)(DX*2), 2(R8)(CX*1), X3)
	STOREFOUR(2(DI), 2(DI)(DX*1), 2(DI)(DX*2), 2(DI)(CX*1), X0)
	STOREFOUR(2(R9), 2(R9)(DX*1), 2(R9)(DX*2), 2(R9)(CX*1), X5)
done:
	RET

// func outerAcross16(a, b *byte, stride int, l *edgeLimits)
TEXT ·outerAcross16(SB), NOSPLIT, $0-32
	ARGUMENTS
	LOADCOLUMNS
	MASKS
	PMOVMSKB X8, BX
	TESTL BX, BX
	JZ done
	OUTER
	MOVO X0, X8
	PUNPCKLBW X1, X0
	PUNPCKHBW X1, X8
	MOVO X2, X9
	PUNPCKLBW X3, X2
	PUNPCKHBW X3, X9
	MOVO X4, X10
	PUNPCKLBW X5, X4
	PUNPCKHBW X5, X10
	MOVO X6, X11
	PUNPCKLBW X7, X6
	PUNPCKHBW X7, X11
	STOREEIGHT(SI, R8, X0, X2, X4, X6, X1)
	STOREEIGHT(DI, R9, X8, X9, X10, X11, X3)
done:
	RET

// SIMPLE runs the simple filter over X2 to X5, of which X3 and X4 change. It
// uses X8 and X10 to X12.
#define SIMPLE \
	DIFFERENCE(X3, X4, X8, X12) \
	PADDUSB X8, X8 \
	DIFFERENCE(X2, X5, X10, X12) \
	PAND even<>(SB), X10 \
	PSRLW $1, X10 \
	PADDUSB X10, X8 \
	LIMIT(edgeLimits_edge, X11) \
	PSUBUSB X11, X8 \
	PXOR X11, X11 \
	PCMPEQB X11, X8 \
	PXOR sign<>(SB), X2 \
	PXOR sign<>(SB), X3 \
	PXOR sign<>(SB), X4 \
	PXOR sign<>(SB), X5 \
	MOVO X2, X12 \
	PSUBSB X5, X12 \
	MOVO X4, X10 \
	PSUBSB X3, X10 \
	PADDSB X10, X12 \
	PADDSB X10, X12 \
	PADDSB X10, X12 \
	PAND X8, X12 \
	MOVO X12, X10 \
	PADDSB bytes4<>(SB), X12 \
	PADDSB bytes3<>(SB), X10 \
	EIGHTH(X12) \
	EIGHTH(X10) \
	PSUBB bytes16<>(SB), X12 \
	PSUBB bytes16<>(SB), X10 \
	PSUBSB X12, X4 \
	PADDSB X10, X3 \
	PXOR sign<>(SB), X3 \
	PXOR sign<>(SB), X4

// func simpleDown16(a, b *byte, stride int, l *edgeLimits)
TEXT ·simpleDown16(SB), NOSPLIT, $0-32
	ARGUMENTS
	MOVQ (SI)(DX*2), X2
	MOVHPS (DI)(DX*2), X2
	MOVQ (SI)(CX*1), X3
	MOVHPS (DI)(CX*1), X3
	MOVQ (R8), X4
	MOVHPS (R9), X4
	MOVQ (R8)(DX*1), X5
	MOVHPS (R9)(DX*1), X5
	SIMPLE
	MOVQ X3, (SI)(CX*1)
	MOVHPS X3, (DI)(CX*1)
	MOVQ X4, (R8)
	MOVHPS X4, (R9)
	RET

// QUAD loads the middle four samples of four rows: afterwards the four of the
// first column come first in x.
#define QUAD(r0, r1, r2, r3, x, t, u) \
	MOVL r0, x \
	MOVL r1, t \
	PUNPCKLBW t, x \
	MOVL r2, t \
	MOVL r3, u \
	PUNPCKLBW u, t \
	PUNPCKLWL t, x

// STORETWO writes the words of x, from the one numbered i on, to the middle of
// four rows.
#define STORETWO(r0, r1, r2, r3, x, i) \
	PEXTRW $(i), x, AX \
	PEXTRW $(i+1), x, BX \
	MOVW AX, r0 \
	MOVW BX, r1 \
	PEXTRW $(i+2), x, AX \
	PEXTRW $(i+3), x, BX \
	MOVW AX, r2 \
	MOVW BX, r3

// func simpleAcross16(a, b *byte, stride int, l *edgeLimits)
TEXT ·simpleAcross16(SB), NOSPLIT, $0-32
	ARGUMENTS
	QUAD(2(SI), 2(SI)(DX*1), 2(SI)(DX*2), 2(SI)(CX*1), X2, X8, X9)
	QUAD(2(R8), 2(R8)(DX*1), 2(R8)(DX*2), 2(R8)(CX*1), X3, X10, X11)
	QUAD(2(DI), 2(DI)(DX*1), 2(DI)(DX*2), 2(DI)(CX*1), X4, X12, X13)
	QUAD(2(R9), 2(R9)(DX*1), 2(R9)(DX*2), 2(R9)(CX*1), X5, X14, X15)
	MOVO X2, X0
	PUNPCKLLQ X3, X0 /* columns 0 and 1 of the rows of a */
	PUNPCKHLQ X3, X2 /* columns 2 and 3 */
	MOVO X4, X1
	PUNPCKLLQ X5, X1 /* the same of b */
	PUNPCKHLQ X5, X4
	MOVO X2, X5
	PUNPCKHQDQ X4, X5
	PUNPCKLQDQ X4, X2
	MOVO X2, X4
	MOVO X0, X2
	PUNPCKLQDQ X1, X2
	MOVO X0, X3
	PUNPCKHQDQ X1, X3
	SIMPLE
	MOVO X3, X0
	PUNPCKLBW X4, X3
	PUNPCKHBW X4, X0
	STORETWO(3(SI), 3(SI)(DX*1), 3(SI)(DX*2), 3(SI)(CX*1), X3, 0)
	STORETWO(3(R8), 3(R8)(DX*1), 3(R8)(DX*2), 3(R8)(CX*1), X3, 4)
	STORETWO(3(DI), 3(DI)(DX*1), 3(DI)(DX*2), 3(DI)(CX*1), X0, 0)
	STORETWO(3(R9), 3(R9)(DX*1), 3(R9)(DX*2), 3(R9)(CX*1), X0, 4)
	RET
