package identity

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/meet-term/meet/signal"
)

// OwnKey and SSHKey are the words for keys that are not a file of the person's own.
const (
	OwnKey = "own" // made on the first start
	SSHKey = "ssh" // the first ssh-ed25519 key of the agent, else ~/.ssh/id_ed25519
)

// sshFile is the key that OpenSSH itself uses first.
const sshFile = "id_ed25519"

// Use makes another key than the one made on the first start the person's: SSHKey, or
// the path of an SSH key. A path that ends in ".pub" names a key of the agent.
func (id *Identity) Use(ctx context.Context, which string) error {
	var key ed25519.PublicKey
	var sign signer
	var err error
	switch {
	case which == "" || which == OwnKey:
		return nil
	case which == SSHKey:
		key, sign, err = fromAgent(ctx, nil)
		if err == nil {
			break
		}
		home, herr := os.UserHomeDir()
		if herr != nil {
			return err
		}
		var ferr error
		if key, sign, ferr = fromFile(filepath.Join(home, ".ssh", sshFile)); ferr != nil {
			return fmt.Errorf("no SSH key to be known by: %w; %w", err, ferr)
		}
		err = nil
	case strings.HasSuffix(which, ".pub"):
		var public ed25519.PublicKey
		if public, err = publicFile(expand(which)); err == nil {
			key, sign, err = fromAgent(ctx, public)
		}
	default:
		key, sign, err = fromFile(expand(which))
	}
	if err != nil {
		return err
	}
	id.Key, id.sign = key, sign
	return nil
}

// expand makes ~ the home directory.
func expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

func publicFile(path string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read an SSH key: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("read the SSH key %s: %w", path, err)
	}
	return ed25519Of(path, key)
}

func ed25519Of(what string, key ssh.PublicKey) (ed25519.PublicKey, error) {
	if crypto, ok := key.(ssh.CryptoPublicKey); ok {
		if public, ok := crypto.CryptoPublicKey().(ed25519.PublicKey); ok && key.Type() == ssh.KeyAlgoED25519 {
			return public, nil
		}
	}
	return nil, fmt.Errorf("the SSH key %s is %s: only ssh-ed25519 will do", what, key.Type())
}

func fromFile(path string) (ed25519.PublicKey, signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read an SSH key: %w", err)
	}
	raw, err := ssh.ParseRawPrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, nil, fmt.Errorf("the SSH key %s has a passphrase: give it to the agent with ssh-add", path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the SSH key %s: %w", path, err)
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("the SSH key %s is of another kind: only ssh-ed25519 will do", path)
	}
	sign := func(_ context.Context, message []byte) ([]byte, error) { return ed25519.Sign(*key, message), nil }
	return key.Public().(ed25519.PublicKey), sign, nil
}

// fromAgent finds a key in the agent: the one that is wanted, or the first that will do.
func fromAgent(ctx context.Context, want ed25519.PublicKey) (ed25519.PublicKey, signer, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, errors.New("no SSH agent runs here (SSH_AUTH_SOCK is not set)")
	}
	var found ed25519.PublicKey
	err := withAgent(ctx, socket, func(a agent.Agent) error {
		keys, err := a.List()
		if err != nil {
			return fmt.Errorf("ask the SSH agent: %w", err)
		}
		for _, k := range keys {
			public, err := ssh.ParsePublicKey(k.Blob)
			if err != nil {
				continue
			}
			if key, err := ed25519Of(k.Comment, public); err == nil && (want == nil || key.Equal(want)) {
				found = key
				return nil
			}
		}
		return errors.New("the SSH agent has no such ssh-ed25519 key")
	})
	if err != nil {
		return nil, nil, err
	}
	public, err := ssh.NewPublicKey(found)
	if err != nil {
		return nil, nil, fmt.Errorf("use a key of the SSH agent: %w", err)
	}
	return found, func(ctx context.Context, message []byte) (signature []byte, err error) {
		err = withAgent(ctx, socket, func(a agent.Agent) error {
			s, err := a.Sign(public, message)
			if err != nil {
				return fmt.Errorf("have the SSH agent sign: %w", err)
			}
			signature = s.Blob
			return nil
		})
		return signature, err
	}, nil
}

func withAgent(ctx context.Context, socket string, use func(agent.Agent) error) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("ask the SSH agent: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return use(agent.NewClient(conn))
}

// Bind signs, with the person's key, that the key of a seat is theirs. It may ask the
// person, by an agent.
func (id *Identity) Bind(ctx context.Context, room *signal.Room, seat ed25519.PrivateKey) ([]byte, error) {
	message := room.Binding(seat.Public().(ed25519.PublicKey))
	signature, err := id.sign(ctx, message)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(id.Key, message, signature) {
		return nil, errors.New("the signature of your key is wrong")
	}
	return signature, nil
}
