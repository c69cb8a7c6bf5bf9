package plain

import (
	"context"
	"strconv"

	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
)

// sound changes or tells what is done to one's own sound, or lets one hear it.
func (s *session) sound(word, arg string) {
	if s.opt.Sound == nil {
		s.say("there is no sound to change here")
		return
	}
	set := s.opt.Sound.Sound()
	switch word {
	case "/test":
		s.opt.Sound.PlayTestSound()
		s.say("you should hear two notes")
		return
	case "/hear":
		if s.opt.Sound.HearMyself() {
			s.say("say something: you hear it in three seconds, as others do")
		} else {
			s.say("the microphone is off: there is nothing to hear")
		}
		return
	case "/echo":
		switch arg {
		case "auto", "on", "off":
			set.Echo = arg
		default:
			s.say("/echo needs auto, on or off")
			return
		}
	case "/noise":
		set.Noise = !set.Noise
	case "/loudness":
		set.Gain = !set.Gain
	case "/music":
		set.Music = !set.Music
	}
	if word != "/sound" {
		if err := s.opt.Sound.SetSound(set); err != nil {
			s.say("%s", text(err.Error()))
			return
		}
		set = s.opt.Sound.Sound()
	}
	for _, line := range front.SoundWords(set) {
		s.say("%s", line)
	}
}

// devices lists what could be used, with numbers, or uses one of them.
func (s *session) devices(ctx context.Context, arg string) {
	if s.opt.Devices == nil {
		s.say("devices cannot be changed here")
		return
	}
	list := s.opt.Devices.List(ctx)
	if arg != "" {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > len(list) {
			s.say("there is no device %s; /devices lists them", text(arg))
			return
		}
		dev := list[n-1]
		if err := s.opt.Devices.Select(dev.Kind, dev.ID); err != nil {
			s.say("%s", text(err.Error()))
			return
		}
		s.say("%s: %s", dev.Kind.Word(), text(dev.Name))
		return
	}
	if len(list) == 0 {
		s.say("no devices found")
	}
	for i, dev := range list {
		used := ""
		if dev.InUse {
			used = " (in use)"
		}
		s.say("%d %s: %s%s", i+1, dev.Kind.Word(), text(dev.Name), used)
	}
	for _, src := range s.opt.Devices.Sources() {
		if src.Kind == media.Mic && src.Missing == "" && src.Wanted {
			s.say("the microphone is at %.0f dB", src.DB)
		}
	}
}
