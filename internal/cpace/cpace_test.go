package cpace

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	ristretto "github.com/bwesterb/go-ristretto"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func scalar(t *testing.T, s string) *ristretto.Scalar {
	t.Helper()
	var raw [32]byte
	copy(raw[:], unhex(t, s))
	return new(ristretto.Scalar).SetBytes(&raw)
}

// The vectors of draft-irtf-cfrg-cpace for the encoding of values.
func TestValues(t *testing.T) {
	long := make([]byte, 128)
	for i := range long {
		long[i] = byte(i)
	}
	for _, c := range []struct {
		in   []byte
		want string
	}{{nil, "00"}, {[]byte("1234"), "0431323334"}, {long[:127], "7f" + hex.EncodeToString(long[:127])}, {long, "8001" + hex.EncodeToString(long)}} {
		if got := hex.EncodeToString(value(c.in)); got != c.want {
			t.Errorf("%d bytes: %s", len(c.in), got)
		}
	}
	if got := hex.EncodeToString(values([]byte("1234"), []byte("5"), nil, []byte("6789"))); got != "04313233340135000436373839" {
		t.Errorf("values: %s", got)
	}
}

// The vectors of draft-irtf-cfrg-cpace for ristretto255 and SHA-512: generator,
// shares, and the key of initiator and responder.
func TestDraftVectors(t *testing.T) {
	in := Inputs{
		Password: []byte("Password"),
		Channel:  unhex(t, "6f630b425f726573706f6e6465720b415f696e69746961746f72"),
		Session:  unhex(t, "7e4b4791d6a8ef019b936c79fb7f2c57"),
	}
	if got, want := generatorString(in), unhex(t, "11435061636552697374726574746f3235350850617373776f726464"+strings.Repeat("00", 100)+
		"1a6f630b425f726573706f6e6465720b415f696e69746961746f72107e4b4791d6a8ef019b936c79fb7f2c57"); !bytes.Equal(got, want) {
		t.Errorf("generator string %x, want %x", got, want)
	}
	for name, c := range map[string]struct{ got, want []byte }{
		"generator": {generator(in).Bytes(), unhex(t, "a6fc82c3b8968fbb2e06fee81ca858586dea50d248f0c7ca6a18b0902a30b36b")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s %x, want %x", name, c.got, c.want)
		}
	}
	a := begin(in, scalar(t, "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08"))
	b := begin(in, scalar(t, "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d"))
	if want := unhex(t, "d40fb265a7abeaee7939d91a585fe59f7053f982c296ec413c624c669308f87a"); !bytes.Equal(a.Share(), want) {
		t.Errorf("share of A %x", a.Share())
	}
	if want := unhex(t, "08bcf6e9777a9c313a3db6daa510f2d398403319c2341bd506a92e672eb7e307"); !bytes.Equal(b.Share(), want) {
		t.Errorf("share of B %x", b.Share())
	}
	want := unhex(t, `4c5469a16b2364c4b944ebc1a79e51d1674ad47db26e8718154f59fa
		ebfaa52d8346f30aa58377117eb20d527f2cbc5c76381f7fd372e89df8239f87f2e02ed1`)
	ka, err := a.InitiatorKey([]byte("ADa"), Message{b.Share(), []byte("ADb")})
	if err != nil || !bytes.Equal(ka, want) {
		t.Errorf("key of A %x, %v", ka, err)
	}
	kb, err := b.ResponderKey(Message{a.Share(), []byte("ADa")}, []byte("ADb"))
	if err != nil || !bytes.Equal(kb, want) {
		t.Errorf("key of B %x, %v", kb, err)
	}
}

// The vectors of the draft for multiplication: what is no canonical encoding, or the
// neutral element, is refused.
func TestDraftMultiplication(t *testing.T) {
	s := scalar(t, "7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05")
	got, err := multiply(s, unhex(t, "2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"))
	if want := unhex(t, "7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("product %x, %v", got, err)
	}
	for _, bad := range []string{
		"2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c", strings.Repeat("00", 32), "", "2c", strings.Repeat("ff", 32),
		// The bad encodings of RFC 9496, appendix A.2: not canonical, negative, no square, negative xy, s = -1.
		"00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "0100000000000000000000000000000000000000000000000000000000000000",
		"01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
		"c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562", "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		if _, err := multiply(s, unhex(t, bad)); !errors.Is(err, ErrShare) {
			t.Errorf("%s is taken for a share", bad)
		}
	}
}

// Both sides have the same key only if all they know and saw is the same.
func TestAgreement(t *testing.T) {
	base := Inputs{Password: []byte("copper-lantern"), Channel: []byte("c"), Session: []byte("s")}
	for name, change := range map[string]func(in *Inputs){
		"nothing":  func(*Inputs) {},
		"password": func(in *Inputs) { in.Password = []byte("copper-bucket") },
		"channel":  func(in *Inputs) { in.Channel = []byte("d") },
		"session":  func(in *Inputs) { in.Session = []byte("t") },
	} {
		other := base
		change(&other)
		a, err := Begin(base, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Begin(other, nil)
		if err != nil {
			t.Fatal(err)
		}
		for seen, data := range map[string][]byte{"same": []byte("A"), "other": []byte("B")} {
			ka, err1 := a.InitiatorKey([]byte("A"), Message{b.Share(), nil})
			kb, err2 := b.ResponderKey(Message{a.Share(), data}, nil)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if same := bytes.Equal(ka, kb); same != (name == "nothing" && seen == "same") {
				t.Errorf("%s differs, %s data: the keys are the same: %v", name, seen, same)
			}
		}
	}
}

// Whatever a share is, a run ends with a key or an error.
func FuzzShare(f *testing.F) {
	f.Add(make([]byte, ShareSize))
	f.Add([]byte{1})
	r, err := Begin(Inputs{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, share []byte) {
		if k, err := r.InitiatorKey(nil, Message{Share: share}); (err == nil) != (len(k) == KeySize) {
			t.Errorf("%x, %v", k, err)
		}
	})
}
