package vp8

// Tokens (RFC 6386, section 13.2). The ranges of the larger ones start at
// tokenBase and have tokenExtra bits.
const (
	tokenZero = iota
	tokenOne
	tokenTwo
	tokenThree
	tokenFour
	tokenCat1
	tokenCat2
	tokenCat3
	tokenCat4
	tokenCat5
	tokenCat6
	tokenEnd
	numTokens
)

var (
	tokenBase  = [numTokens]int{0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 0}
	tokenExtra = [numTokens][]uint8{
		tokenCat1: {159}, tokenCat2: {165, 145}, tokenCat3: extraBits3[:],
		tokenCat4: extraBits4[:], tokenCat5: extraBits5[:], tokenCat6: extraBits6[:],
	}
	// smallTokens gives the token of magnitudes below 67.
	smallTokens = func() (t [67]uint8) {
		for i := range t {
			for tok := tokenZero; tok <= tokenCat5; tok++ {
				if i >= tokenBase[tok] {
					t[i] = uint8(tok)
				}
			}
		}
		return t
	}()
)

// tokenContexts is the number of sets of probabilities: 4 block types, 8
// bands, 3 contexts.
const tokenContexts = 4 * 8 * 3

// token is one entry of the token buffer: from the lowest bit on, 4 bits of
// token, 1 bit saying that the end is impossible here, 7 bits of context, the
// sign and the extra bits.
type token uint32

const (
	tokenNoEnd    = 1 << 4
	tokenCtxShift = 5
	tokenSign     = 1 << 12
	tokenExShift  = 13
)

// tokenBuffer collects the tokens of a frame and counts them.
type tokenBuffer struct {
	tokens []token
	// counts is indexed by context, whether the end was possible, and token.
	counts [tokenContexts][2][numTokens]uint32
}

func (b *tokenBuffer) reset() {
	b.tokens = b.tokens[:0]
	clear(b.counts[:])
}

// block adds the levels of one block, whose last one that counts is before
// end, and says whether there are any.
func (b *tokenBuffer) block(kind, ctx, first int, levels *[16]int16, end int) uint8 {
	base := kind * 24
	at := base + int(coefBands[first])*3 + ctx
	if end <= first {
		b.add(at, tokenEnd, 0)
		return 0
	}
	noEnd := token(0)
	for i := first; i < end; i++ {
		v := int(levels[i&15])
		var extra token
		mag := v
		if v < 0 {
			mag, extra = -v, tokenSign
		}
		tok := uint8(tokenCat6)
		if mag < len(smallTokens) {
			tok = smallTokens[mag]
		}
		extra |= token(mag-tokenBase[tok]) << tokenExShift
		b.add(at, tok, extra|noEnd)
		noEnd = 0
		if mag == 0 {
			noEnd = tokenNoEnd
		}
		at = base + int(coefBands[i+1])*3 + min(mag, 2)
	}
	if end < 16 {
		b.add(at, tokenEnd, 0)
	}
	return 1
}

func (b *tokenBuffer) add(ctx int, tok uint8, rest token) {
	b.tokens = append(b.tokens, token(tok)|token(ctx)<<tokenCtxShift|rest)
	b.counts[ctx][rest>>4&1][tok]++
}

// nodes turns the counts of one context into how often each node of the token
// tree was left either way.
func (b *tokenBuffer) nodes(ctx int) (n [11][2]int) {
	free, after := &b.counts[ctx][0], &b.counts[ctx][1]
	var all [numTokens]int
	total := 0
	for t := range all {
		all[t] = int(free[t] + after[t])
		total += all[t]
		if t != tokenEnd {
			n[0][1] += int(free[t])
		}
	}
	n[0][0] = all[tokenEnd]
	rest := total - all[tokenEnd]
	n[1] = [2]int{all[tokenZero], rest - all[tokenZero]}
	n[2] = [2]int{all[tokenOne], n[1][1] - all[tokenOne]}
	low := all[tokenTwo] + all[tokenThree] + all[tokenFour]
	n[3] = [2]int{low, n[2][1] - low}
	n[4] = [2]int{all[tokenTwo], all[tokenThree] + all[tokenFour]}
	n[5] = [2]int{all[tokenThree], all[tokenFour]}
	n[6] = [2]int{all[tokenCat1] + all[tokenCat2], n[3][1] - all[tokenCat1] - all[tokenCat2]}
	n[7] = [2]int{all[tokenCat1], all[tokenCat2]}
	n[8] = [2]int{all[tokenCat3] + all[tokenCat4], all[tokenCat5] + all[tokenCat6]}
	n[9] = [2]int{all[tokenCat3], all[tokenCat4]}
	n[10] = [2]int{all[tokenCat5], all[tokenCat6]}
	return n
}

// adapt writes which token probabilities change (RFC 6386, section 13.4) and
// changes them where that saves bits.
func (b *tokenBuffer) adapt(w *boolWriter, probs *coefProbs) {
	for ctx := range tokenContexts {
		kind, band, place := ctx/24, ctx/3&7, ctx%3
		p, update := &probs[kind][band][place], &coefUpdateProbs[kind][band][place]
		nodes := b.nodes(ctx)
		for i, n := range nodes {
			best := bestProb(n[0], n[1])
			gain := binaryCost(p[i], n[0], n[1]) - binaryCost(best, n[0], n[1])
			gain -= 8*256 + bitCost(update[i], true) - bitCost(update[i], false)
			change := gain > 0 && best != p[i]
			w.bool(change, update[i])
			if change {
				w.literal(int(best), 8)
				p[i] = best
			}
		}
	}
}

// write writes all tokens.
func (b *tokenBuffer) write(w *boolWriter, probs *coefProbs) {
	for _, t := range b.tokens {
		ctx := int(t >> tokenCtxShift & 127)
		p := &probs[ctx/24&3][ctx/3&7][ctx%3]
		tok := t & 15
		if t&tokenNoEnd == 0 {
			if w.bool(tok != tokenEnd, p[0]); tok == tokenEnd {
				continue
			}
		}
		if w.bool(tok != tokenZero, p[1]); tok == tokenZero {
			continue
		}
		if w.bool(tok != tokenOne, p[2]); tok != tokenOne {
			w.large(t, p)
		}
		w.flag(t&tokenSign != 0)
	}
}

// large writes the rest of a token for 2 or more, the sign excepted.
func (w *boolWriter) large(t token, p *[11]uint8) {
	tok := t & 15
	w.bool(tok > tokenFour, p[3])
	switch {
	case tok <= tokenFour:
		w.bool(tok != tokenTwo, p[4])
		if tok != tokenTwo {
			w.bool(tok == tokenFour, p[5])
		}
		return
	case tok <= tokenCat2:
		w.bool(false, p[6])
		w.bool(tok == tokenCat2, p[7])
	case tok <= tokenCat4:
		w.bool(true, p[6])
		w.bool(false, p[8])
		w.bool(tok == tokenCat4, p[9])
	default:
		w.bool(true, p[6])
		w.bool(true, p[8])
		w.bool(tok == tokenCat6, p[10])
	}
	extra := t >> tokenExShift
	probs := tokenExtra[tok]
	for i, p := range probs {
		w.bool(extra>>(len(probs)-1-i)&1 == 1, p)
	}
}
