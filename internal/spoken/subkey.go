package spoken

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Subkey derives what a local network is asked for, and answers, where the mailbox
// is: of the number alone. Whoever hears the number can answer too, as any server can
// that somebody is sent to; the words stay unknown.
func (c Code) Subkey(purpose string) []byte {
	name := Code{Number: c.Number}.String()
	mac := hmac.New(sha256.New, []byte(channel+"|"+name))
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}
