package conn

import (
	"slices"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

func TestReportsOnlyOnWhatWasHeard(t *testing.T) {
	i, err := new(heardOnly).NewInterceptor("")
	if err != nil {
		t.Fatal(err)
	}
	var sent []uint32 // sequence numbers reported; 0 for another packet
	w := i.BindRTCPWriter(interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, _ interceptor.Attributes) (int, error) {
		for _, p := range packets {
			r, ok := p.(*rtcp.ReceiverReport)
			if !ok {
				sent = append(sent, 0)
				continue
			}
			for _, b := range r.Reports {
				sent = append(sent, b.LastSequenceNumber)
			}
		}
		return 1, nil
	}))
	report := func(ssrc, seq uint32) rtcp.Packet {
		return &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc, LastSequenceNumber: seq}}}
	}
	for _, c := range []struct {
		write []rtcp.Packet
		want  []uint32
	}{
		{[]rtcp.Packet{report(1, 0)}, nil}, // nothing ever came
		{[]rtcp.Packet{report(1, 7), report(2, 8)}, []uint32{7, 8}},
		{[]rtcp.Packet{report(1, 7), report(2, 9)}, []uint32{9}},
		{[]rtcp.Packet{report(1, 7), &rtcp.PictureLossIndication{}}, []uint32{0}},
		{[]rtcp.Packet{&rtcp.ReceiverReport{}}, nil}, // an empty one, passed on as it is
		{[]rtcp.Packet{report(1, 65536)}, []uint32{65536}},
	} {
		sent = nil
		if _, err := w.Write(c.write, nil); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(sent, c.want) {
			t.Errorf("sent %v, want %v", sent, c.want)
		}
	}
	i.UnbindRemoteStream(&interceptor.StreamInfo{SSRC: 1})
	if n := len(i.(*heardOnly).last); n != 1 {
		t.Errorf("%d streams are remembered, want the one that is left", n)
	}
}
