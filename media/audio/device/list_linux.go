package device

import (
	"context"
	"fmt"
	"strings"

	"github.com/jfreymuth/pulse/proto"
	"github.com/meet-term/meet/internal/wake"
)

// dummySink is the sink PulseAudio makes up on a machine without any.
const dummySink = "auto_null"

func devices(ctx context.Context) (List, error) {
	s, err := dial(ctx, func(any) {})
	if err != nil {
		return List{}, fmt.Errorf("list audio devices: %w", err)
	}
	defer s.close()
	return s.list()
}

func (s *server) list() (List, error) {
	var info proto.GetServerInfoReply
	if err := s.request("ask for the default devices", &proto.GetServerInfo{}, &info); err != nil {
		return List{}, err
	}
	var sources proto.GetSourceInfoListReply
	if err := s.request("list microphones", &proto.GetSourceInfoList{}, &sources); err != nil {
		return List{}, err
	}
	var sinks proto.GetSinkInfoListReply
	if err := s.request("list speakers", &proto.GetSinkInfoList{}, &sinks); err != nil {
		return List{}, err
	}
	list := List{Microphones: []Info{}, Speakers: []Info{}}
	for _, m := range sources {
		list.Microphones = append(list.Microphones, sourceInfo(m, info.DefaultSourceName))
	}
	for _, k := range sinks {
		if k.SinkName != dummySink {
			list.Speakers = append(list.Speakers, sinkInfo(k, info.DefaultSinkName))
		}
	}
	return list, nil
}

func sourceInfo(m *proto.GetSourceInfoReply, standard string) Info {
	return Info{
		ID: m.SourceName, Name: printable(m.Device),
		Default:       m.SourceName == standard,
		Monitor:       m.MonitorSourceName != "",
		EchoCancelled: echoCancelled(m.SourceName, m.Properties),
	}
}

func sinkInfo(k *proto.GetSinkInfoReply, standard string) Info {
	info := Info{
		ID: k.SinkName, Name: printable(k.Device),
		Default:    k.SinkName == standard,
		Headphones: forOneEar(k.Properties),
	}
	for _, port := range k.Ports {
		if port.Name == k.ActivePortName {
			info.Headphones = headphonePort(port.Name, port.Description, info.Headphones)
		}
	}
	return info
}

// forOneEar reports whether a device says of its form that it is worn.
func forOneEar(props proto.PropList) bool {
	switch property(props, "device.form_factor") {
	case "headset", "headphone":
		return true
	}
	return false
}

// headphonePort reports whether the connector in use leads to headphones. The
// protocol names its type to newer clients only; the names are those of the
// sound server's own configuration, in which a headset's microphone has one too.
func headphonePort(name, description string, worn bool) bool {
	s := strings.ToLower(name + " " + description)
	switch {
	case strings.Contains(s, "headphone"), strings.Contains(s, "headset"):
		return true
	case strings.Contains(s, "speaker"), strings.Contains(s, "lineout"), strings.Contains(s, "hdmi"):
		return false
	}
	return worn
}

// echoCancelled reports whether a source is the output of an echo canceller of
// the sound server: PulseAudio's has a master and is meant for telephony,
// PipeWire's is known by its name only.
func echoCancelled(name string, props proto.PropList) bool {
	if property(props, "device.master_device") != "" && strings.Contains(property(props, "device.intended_roles"), "phone") {
		return true
	}
	named := strings.ToLower(name + " " + property(props, "media.name") + " " + property(props, "device.description"))
	return strings.Contains(named, "echo-cancel") || strings.Contains(named, "echo cancel") || strings.Contains(named, "echo_cancel")
}

func property(props proto.PropList, key string) string {
	p, ok := props[key]
	if !ok {
		return ""
	}
	return p.String()
}

// source and sink are one device as it is now.
func (s *server) source(name string) (Info, error) {
	var m proto.GetSourceInfoReply
	if err := s.request("look at a microphone", &proto.GetSourceInfo{SourceIndex: proto.Undefined, SourceName: name}, &m); err != nil {
		return Info{}, err
	}
	return sourceInfo(&m, ""), nil
}

func (s *server) sink(name string) (Info, error) {
	var k proto.GetSinkInfoReply
	if err := s.request("look at a speaker", &proto.GetSinkInfo{SinkIndex: proto.Undefined, SinkName: name}, &k); err != nil {
		return Info{}, err
	}
	return sinkInfo(&k, ""), nil
}

// monitor returns the source that carries what the speaker id plays, "" for the
// default one.
func (s *server) monitor(id string) (string, error) {
	if id == "" {
		var info proto.GetServerInfoReply
		if err := s.request("ask for the default devices", &proto.GetServerInfo{}, &info); err != nil {
			return "", err
		}
		id = info.DefaultSinkName
	}
	var k proto.GetSinkInfoReply
	if err := s.request("look at a speaker", &proto.GetSinkInfo{SinkIndex: proto.Undefined, SinkName: id}, &k); err != nil {
		return "", err
	}
	if k.SinkName == dummySink || k.MonitorSourceName == "" {
		return "", ErrNoDevice
	}
	return k.MonitorSourceName, nil
}

// microphone returns the source to open for id. The default is never a
// monitor: sending the others their own voices is worse than sending nothing.
func (s *server) microphone(id string) (string, error) {
	list, err := s.list()
	if err != nil {
		return "", err
	}
	other := ""
	for _, m := range list.Microphones {
		switch {
		case id != "" && m.ID == id:
			return id, nil
		case m.Monitor:
		case m.Default:
			other = m.ID
		case other == "":
			other = m.ID
		}
	}
	if id != "" || other == "" {
		return "", ErrNoDevice
	}
	return other, nil
}

// speaker returns the sink to open for id, "" for the server's default.
func (s *server) speaker(id string) (string, error) {
	list, err := s.list()
	if err != nil {
		return "", err
	}
	for _, k := range list.Speakers {
		if k.ID == id || id == "" {
			return id, nil
		}
	}
	return "", ErrNoDevice
}

func watch(ctx context.Context, changed func()) error {
	events := make(chan struct{}, 1)
	s, err := dial(ctx, func(message any) {
		if _, ok := message.(*proto.SubscribeEvent); ok {
			wake.Poke(events)
		}
	})
	if err != nil {
		return fmt.Errorf("watch audio devices: %w", err)
	}
	defer s.close()
	if err := s.request("watch audio devices", &proto.Subscribe{
		Mask: proto.SubscriptionMaskSink | proto.SubscriptionMaskSource | proto.SubscriptionMaskServer,
	}, nil); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.lost:
			return fmt.Errorf("watch audio devices: %w", ErrLost)
		case <-events:
			changed()
		}
	}
}
