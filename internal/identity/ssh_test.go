//go:build unix

package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/meet-term/meet/signal"
)

// agentWith runs an SSH agent that has some keys.
func agentWith(t *testing.T, keys ...any) {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, conn); conn.Close() }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
}

// bound checks that the person's key has signed a seat, and returns that key.
func bound(t *testing.T, id *Identity) ed25519.PublicKey {
	t.Helper()
	room, err := signal.Invite{Name: "demo", Secret: signal.Secret{1}}.Room()
	if err != nil {
		t.Fatal(err)
	}
	seat, err := id.Seat("s", room.ID())
	if err != nil {
		t.Fatal(err)
	}
	bind, err := id.Bind(t.Context(), room, seat)
	if err != nil {
		t.Fatal(err)
	}
	if err := signal.NewSealer(room, seat, 1, rand.Reader).VerifyBinding(id.Key, seat.Public().(ed25519.PublicKey), bind); err != nil {
		t.Error(err)
	}
	return id.Key
}

func TestSSHKeys(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	if err := os.MkdirAll(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	one, other := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed(append(make([]byte, 31), 1))
	write := func(name, text string) string {
		path := filepath.Join(dir, ".ssh", name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	use := func(which string) (*Identity, error) {
		id := open(t, filepath.Join(dir, "state"), time.Now().UnixMilli())
		return id, id.Use(t.Context(), which)
	}
	own, err := use(OwnKey)
	if err != nil || !bound(t, own).Equal(own.own.Public()) {
		t.Fatalf("one's own: %v", err)
	}
	if _, err := use(SSHKey); err == nil || !strings.Contains(err.Error(), "no SSH agent runs here") {
		t.Errorf("without an agent and a file: %v", err)
	}
	file := write("id_ed25519", seedKey(t, 7))
	id, err := use(SSHKey)
	if err != nil || bound(t, id).Equal(own.Key) || seat(t, id, "s", "r") == "" {
		t.Errorf("by the file: %v", err)
	}
	if id, err := use("~/.ssh/id_ed25519"); err != nil || !bound(t, id).Equal(ed25519.NewKeyFromSeed([]byte(strings.Repeat("\x07", 32))).Public()) {
		t.Errorf("by the path of the file: %v", err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	agentWith(t, weak, &one, &other)
	if id, err = use(SSHKey); err != nil || !bound(t, id).Equal(one.Public()) {
		t.Errorf("by the agent: %v", err)
	}
	public, err := ssh.NewPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	named := write("work.pub", string(ssh.MarshalAuthorizedKey(public)))
	if id, err = use(named); err != nil || !bound(t, id).Equal(other.Public()) {
		t.Errorf("by a key of the agent: %v", err)
	}
	agentWith(t, weak)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for which, want := range map[string]string{
		SSHKey: "no such ssh-ed25519 key", named: "no such ssh-ed25519 key", "/nowhere": "no such file",
		write("rubbish", "x"): "read the SSH key", write("rubbish.pub", "x"): "read the SSH key",
	} {
		if _, err := use(which); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", which, err, want)
		}
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(one, "", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := use(write("locked", string(pemText(locked)))); err == nil || !strings.Contains(err.Error(), "ssh-add") {
		t.Errorf("with a passphrase: %v", err)
	}
}
