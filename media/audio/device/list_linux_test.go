package device

import (
	"slices"
	"testing"

	"github.com/jfreymuth/pulse/proto"
)

func props(pairs ...string) proto.PropList {
	p := proto.PropList{}
	for i := 0; i+1 < len(pairs); i += 2 {
		p[pairs[i]] = proto.PropListString(pairs[i+1])
	}
	return p
}

// TestHeadphones: by the form of the device, and by the connector in use, which
// knows better.
func TestHeadphones(t *testing.T) {
	for name, c := range map[string]struct {
		sink proto.GetSinkInfoReply
		want bool
	}{
		"a laptop":            {proto.GetSinkInfoReply{SinkName: "a", Properties: props("device.form_factor", "internal")}, false},
		"a headset":           {proto.GetSinkInfoReply{SinkName: "a", Properties: props("device.form_factor", "headset")}, true},
		"headphones":          {proto.GetSinkInfoReply{SinkName: "a", Properties: props("device.form_factor", "headphone")}, true},
		"a car":               {proto.GetSinkInfoReply{SinkName: "a", Properties: props("device.form_factor", "hands-free")}, false},
		"nothing known":       {proto.GetSinkInfoReply{SinkName: "a"}, false},
		"plugged in":          {proto.GetSinkInfoReply{ActivePortName: "analog-output-headphones"}, true},
		"plugged out":         {proto.GetSinkInfoReply{ActivePortName: "analog-output-speaker"}, false},
		"plugged in, by UCM":  {proto.GetSinkInfoReply{ActivePortName: "[Out] Headphones"}, true},
		"a screen":            {proto.GetSinkInfoReply{ActivePortName: "hdmi-output-0"}, false},
		"a headset by radio":  {proto.GetSinkInfoReply{ActivePortName: "headset-output"}, true},
		"a line of a headset": {proto.GetSinkInfoReply{ActivePortName: "analog-output", Properties: props("device.form_factor", "headset")}, true},
	} {
		if c.sink.ActivePortName != "" {
			c.sink.Ports = slices.Grow(c.sink.Ports, 2)[:2]
			c.sink.Ports[0].Name, c.sink.Ports[1].Name = "analog-output-other", c.sink.ActivePortName
		}
		if got := sinkInfo(&c.sink, "").Headphones; got != c.want {
			t.Errorf("%s: headphones %v", name, got)
		}
	}
}

func TestEchoCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		props  proto.PropList
		want   bool
	}{
		"a microphone":                 {"alsa_input.pci", props("device.description", "Built-in Audio"), false},
		"PulseAudio's canceller":       {"alsa_input.pci.echo-cancel", props(), true},
		"the same by another name":     {"quiet", props("device.master_device", "alsa_input.pci", "device.intended_roles", "phone"), true},
		"PipeWire's canceller":         {"effect_output.aec", props("media.name", "Echo-Cancel Source"), true},
		"a telephone's microphone":     {"bluez_input.x", props("device.intended_roles", "phone"), false},
		"a remapped microphone":        {"left", props("device.master_device", "alsa_input.pci"), false},
		"one that describes itself so": {"x", props("device.description", "Mic (echo cancelled with Speaker)"), true},
	} {
		if got := sourceInfo(&proto.GetSourceInfoReply{SourceName: c.source, Properties: c.props}, "").EchoCancelled; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
