package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"testing"

	"golang.org/x/crypto/ssh"
)

// seedKey is a file with the key whose seed is 32 times the same byte.
func seedKey(t *testing.T, b byte) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize)), "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pemText(block))
}

func pemText(block *pem.Block) []byte { return pem.EncodeToMemory(block) }
