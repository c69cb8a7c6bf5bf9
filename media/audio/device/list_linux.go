package device

import (
	"context"
	"fmt"

	"github.com/jfreymuth/pulse/proto"
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
		list.Microphones = append(list.Microphones, Info{
			ID: m.SourceName, Name: printable(m.Device),
			Default: m.SourceName == info.DefaultSourceName,
			Monitor: m.MonitorSourceName != "",
		})
	}
	for _, k := range sinks {
		if k.SinkName != dummySink {
			list.Speakers = append(list.Speakers, Info{
				ID: k.SinkName, Name: printable(k.Device),
				Default: k.SinkName == info.DefaultSinkName,
			})
		}
	}
	return list, nil
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

// isMonitor reports whether source is the sound of a speaker.
func (s *server) isMonitor(source string) (bool, error) {
	list, err := s.list()
	if err != nil {
		return false, err
	}
	for _, m := range list.Microphones {
		if m.ID == source {
			return m.Monitor, nil
		}
	}
	return false, ErrNoDevice
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
			poke(events)
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
