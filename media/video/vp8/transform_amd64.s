//go:build !purego

#include "textflag.h"

DATA words4<>+0(SB)/8, $0x0004000400040004
DATA words4<>+8(SB)/8, $0x0004000400040004
GLOBL words4<>(SB), RODATA|NOPTR, $16

// ADDROW adds X0 to eight samples of a and of b, and subtracts X1.
#define ADDROW(a, b) \
	MOVQ a, X2 \
	MOVHPS b, X2 \
	PADDUSB X0, X2 \
	PSUBUSB X1, X2 \
	MOVQ X2, a \
	MOVHPS X2, b

// Adds (DC+4)/8 to 16 samples of four rows at once. The sum is split into what is
// to be added and what is to be taken away, both limited to 255, for the
// saturating instructions on unsigned bytes.
//
// func addFourDCs(a, b *byte, stride int, c, d *[2][16]int16)
TEXT ·addFourDCs(SB), NOSPLIT, $0-40
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ stride+16(FP), DX
	MOVQ c+24(FP), AX
	MOVQ d+32(FP), BX
	LEAQ (DX)(DX*2), CX
	PXOR X1, X1
	PINSRW $0, (AX), X0
	PINSRW $1, 32(AX), X0
	PINSRW $2, (BX), X0
	PINSRW $3, 32(BX), X0
	PADDSW words4<>(SB), X0
	PSRAW $3, X0
	PSUBW X0, X1
	PACKUSWB X0, X0
	PACKUSWB X1, X1
	PUNPCKLBW X0, X0 /* each byte four times */
	PUNPCKLBW X1, X1
	PUNPCKLWL X0, X0
	PUNPCKLWL X1, X1
	ADDROW((SI), (DI))
	ADDROW((SI)(DX*1), (DI)(DX*1))
	ADDROW((SI)(DX*2), (DI)(DX*2))
	ADDROW((SI)(CX*1), (DI)(CX*1))
	RET
