package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/headless"
	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui"
)

// joinFlags are the flags of meet join as typed.
type joinFlags struct {
	server, name          string
	mic, camera, screen   string
	speaker               string
	muted, cameraOff      bool
	share, private        bool
	code                  bool
	token                 string
	headless, plain       bool
	times                 bool
	stats, exitAfter      time.Duration
	logFile               string
	debug                 bool
	video, notify, files  string
	receive, maxBandwidth string
	colors                string
	acceptFiles           bool
	record, recordings    string
	report                string
	noLobby, ascii, mouse bool
	relayOnly             bool
	reaches               reachFlags
	serverGiven           bool // by the flag itself
	iceServers            []string
	echo                  string
	noise, gain, music    bool
	listenMuted           bool
	noCarry               bool
	identity              string

	show     func(context.Context, *call.Call, place, joinFlags) error // nil: as the flags say
	settings config.Config
	crashed  *crashed
	keys     *tui.Keymap
}

// lobby reports whether the person looks at the devices before joining.
func (f joinFlags) lobby() bool {
	return !f.noLobby && !f.headless && !f.plain && screenPossible()
}

func joinCommand() *cobra.Command {
	cmd, _ := newJoinCommand()
	return cmd
}

// newJoinCommand returns the command and what its flags are read into.
func newJoinCommand() (*cobra.Command, *joinFlags) {
	var f joinFlags
	cmd := &cobra.Command{
		Use:   "join ROOM",
		Short: "Join a room by its name, an invite link or a spoken code",
		Example: `  meet join demo
  meet join --private standup
  meet join --code
  meet join 7-copper-lantern
  meet join "https://meet.example/#standup.4fX0c2PzV9yR7mJm2o1n3w"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && f.code {
				return nil
			}
			if len(args) != 1 {
				return usagef(`join takes one room, such as "meet join demo"`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.serverGiven = cmd.Flags().Changed("server")
			loadSettings(cmd.Flags(), &f)
			if len(args) == 0 { // a room that nobody needs to say
				f.private, args = true, []string{nameOfCall()}
			}
			return joinRoom(cmd.Context(), args[0], f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.server, "server", "", "signaling server; default $MEET_SERVER, else one of this machine or network")
	fl.BoolVar(&f.reaches.local, "local", false, "host the room, if nobody does, for this machine alone")
	fl.BoolVar(&f.reaches.lan, "lan", false, "host it for this network (the default), or find it there")
	fl.BoolVar(&f.reaches.internet, "internet", false, "host it for anybody who has the link: asks the router for a port")
	fl.StringVar(&f.name, "name", "", "what the others call you")
	fl.StringVar(&f.mic, "mic", "default", "default, none, tone[:HZ], file:PATH or device:ID")
	fl.StringVar(&f.camera, "camera", "default", "default, none, testcard, file:PATH or device:ID")
	fl.StringVar(&f.screen, "screen", "default", "what to share: default, none, testcard or display:N")
	fl.StringVar(&f.speaker, "speaker", "default", "default, none, file:PATH or device:ID")
	fl.StringVar(&f.echo, "echo", "auto", "take the loudspeaker out of the microphone: auto, on or off")
	fl.BoolVar(&f.noise, "noise", true, "take steady noise out of the microphone")
	fl.BoolVar(&f.gain, "gain", true, "bring your voice to the loudness of the others'")
	fl.BoolVar(&f.music, "music", false, "send the microphone as it is, in stereo at 128 kbit/s")
	fl.BoolVar(&f.listenMuted, "listen-muted", false, "keep the microphone open while muted, to be told when you talk")
	fl.BoolVar(&f.muted, "muted", false, "join with the microphone off")
	fl.BoolVar(&f.cameraOff, "camera-off", false, "join with the camera off")
	fl.BoolVar(&f.share, "share", false, "share the screen from the start")
	fl.BoolVar(&f.private, "private", false, "make a room that only the invite link opens")
	fl.StringVar(&f.token, "token", os.Getenv("MEET_TOKEN"), "token of the server that is named, where that opens rooms for those who have one; default $MEET_TOKEN")
	fl.BoolVar(&f.code, "code", false, "show a code to say to one person (7-copper-lantern); without ROOM, of a new private room")
	fl.BoolVar(&f.headless, "headless", false, "no screen: JSON lines out, commands in")
	fl.BoolVar(&f.plain, "plain", false, "one line of text per event, for screen readers and pipes")
	fl.BoolVar(&f.times, "times", false, "begin each line of plain mode with the time of day")
	fl.DurationVar(&f.stats, "stats-interval", time.Second, "how often headless mode writes figures")
	fl.DurationVar(&f.exitAfter, "exit-after", 0, "leave by itself after this time")
	fl.StringVar(&f.video, "video", "auto", "how pictures are drawn: auto, kitty, iterm, sixel, octant, sextant, quadrant, half, ascii or off")
	fl.StringVar(&f.receive, "receive", string(call.ReceiveAll), "what to get of others: all, screens (sound and screens) or sound")
	fl.StringVar(&f.maxBandwidth, "max-bandwidth", "", "what the call may take of the line each way, in bit/s, such as 800k or 2M; default what the line carries")
	fl.StringVar(&f.notify, "notify", "auto", "how the terminal tells what happens while it is not in front: auto, osc9, osc777, osc99, bell or off")
	fl.StringVar(&f.files, "files", "", "folder for files that others send; default ~/Downloads, else the present one")
	fl.BoolVar(&f.acceptFiles, "accept-files", false, "take every file that is offered, without asking")
	fl.StringVar(&f.record, "record", "", "record the call from the start, into a new folder within this one")
	fl.StringVar(&f.report, "report", "", "write how the call went to this file: Markdown, or JSON if it ends in .json")
	fl.StringVar(&f.recordings, "recordings", "", "folder of recordings; default ~/meet")
	fl.BoolVar(&f.noLobby, "no-lobby", false, "join without looking at the devices first")
	fl.BoolVar(&f.noCarry, "no-carry", false, "do not carry the packets of two others who cannot exchange them")
	fl.StringVar(&f.identity, "identity", identity.OwnKey, "the key others know you by: own, ssh (your agent's, or ~/.ssh/id_ed25519), or the path of an SSH key")
	fl.BoolVar(&f.ascii, "ascii", false, "no symbols outside of ASCII, in pictures neither")
	fl.StringVar(&f.colors, "colors", "auto", "how many colours the terminal has, where it does not say: auto, 16, 256 or all")
	fl.BoolVar(&f.mouse, "mouse", false, "let the screen take the mouse")
	fl.BoolVar(&f.relayOnly, "relay-only", false, "show nobody an address of this machine: everything goes through a relay")
	fl.StringArrayVar(&f.iceServers, "ice-server", nil, "a STUN or TURN server of your own: "+iceserver.Form)
	fl.StringVar(&f.logFile, "log-file", "", "where to log; default in the state directory")
	fl.BoolVar(&f.debug, "debug", false, "log everything")
	completeJoin(cmd)
	return cmd, &f
}

// call is what the flags say of the call; where it is comes later.
func (f joinFlags) call() (cfg call.Config, err error) {
	cfg = call.Config{
		Name: ownName(f.name), Agent: "meet " + version,
		Start:    signal.Media{Mic: !f.muted, Camera: !f.cameraOff, Screen: f.share},
		WatchAll: f.headless, Lobby: f.lobby(), NoCarry: f.noCarry,
		Processing:  audio.Processing{NoiseOff: !f.noise, GainOff: !f.gain, Music: f.music},
		ListenMuted: f.listenMuted,
		// Whoever set it has decided.
		SaveProcessors: os.Getenv("GOMAXPROCS") == "",
	}
	if cfg.Processing.Echo, err = audio.ParseSwitch(f.echo); err != nil {
		return cfg, usagef("--echo: %w", err)
	}
	if cfg.Mic, err = audio.ParseMic(f.mic); err != nil {
		return cfg, usagef("--mic: %w", err)
	}
	if cfg.Speaker, err = audio.ParseSpeaker(f.speaker); err != nil {
		return cfg, usagef("--speaker: %w", err)
	}
	if cfg.Camera, err = source.ParseCamera(f.camera); err != nil {
		return cfg, usagef("--camera: %w", err)
	}
	if cfg.Screen, err = source.ParseScreen(f.screen); err != nil {
		return cfg, usagef("--screen: %w", err)
	}
	if cfg.Receive, err = call.ParseReceive(f.receive); err != nil {
		return cfg, usagef("--receive: %w", err)
	}
	if cfg.MaxBandwidth, err = call.ParseBandwidth(f.maxBandwidth); err != nil {
		return cfg, usagef("--max-bandwidth: %w", err)
	}
	if _, err := f.pictureMode(); err != nil {
		return cfg, err
	}
	if _, known := colorDepths[f.colors]; !known && f.colors != "auto" {
		return cfg, usagef("--colors: %q is not auto, 16, 256 or all", f.colors)
	}
	if _, err := tui.ParseNotify(f.notify, os.Getenv); err != nil {
		return cfg, usagef("--notify: %w", err)
	}
	if cfg.FilesInto, err = filesFolder(f.files); err != nil {
		return cfg, err
	}
	cfg.AcceptFiles = f.acceptFiles
	if cfg.RecordInto, err = recordInto(f.recordings); err != nil {
		return cfg, usagef("--recordings: %w", err)
	}
	if f.stats < headless.MinStats {
		return cfg, usagef("--stats-interval is %v: it must be %v or more", f.stats, headless.MinStats)
	}
	if f.exitAfter < 0 {
		return cfg, usagef("--exit-after is %v: it cannot be negative", f.exitAfter)
	}
	cfg.RelayOnly, cfg.ICEHosts = f.relayOnly, f.settings.ICEHosts
	for _, text := range f.iceServers {
		s, err := iceserver.Parse(text)
		if err != nil {
			return cfg, usagef("--ice-server: %w", err)
		}
		cfg.ICE = append(cfg.ICE, s)
	}
	if f.headless && f.plain {
		return cfg, usagef("--headless and --plain exclude each other")
	}
	return cfg, nil
}

// joinRoom takes part in a room until it is left.
func joinRoom(ctx context.Context, room string, f joinFlags) error {
	cfg, err := f.call()
	if err != nil {
		return err
	}
	log, logPath, closeLog, err := openLog(f)
	if err != nil {
		return err
	}
	defer closeLog()

	if room, err = roomOfCode(ctx, room, f, log); err != nil {
		return err
	}
	at, err := findRoom(ctx, room, f, log)
	if err != nil {
		return err
	}
	defer at.abandon() // unless keep ended it
	remember(room, at.now.Dialed, log)
	self, err := openIdentity()
	if err != nil {
		return err
	}
	defer self.Close()

	cfg.Invite, cfg.Inc, cfg.Logger, cfg.Token = at.now.Dialed, self.Inc, log, at.token
	if cfg.Key, cfg.Person, err = at.seat(ctx, self, f.identity); err != nil {
		return err
	}
	if cfg.People, err = openBook(); err != nil {
		return err
	}
	c, err := call.New(cfg)
	if err != nil {
		return err
	}
	defer at.keep(ctx, c)()
	defer offerCodes(ctx, c, at, f)()
	if f.exitAfter > 0 {
		timer := time.AfterFunc(f.exitAfter, c.Leave)
		defer timer.Stop()
	}
	f.crashed = &crashed{call: c, log: log, path: logPath}
	defer f.crashed.handle()()
	defer steer(ctx, c, at, log)()
	defer hook(c, at, f, log)()
	defer keepLines(c, at)()
	report := keepReport(c, f.report)
	if f.record != "" {
		if err := c.Record(f.record); err != nil {
			c.Leave() // and end as calls do: others follow this one already
			return errors.Join(usagef("--record: %w", err), take(ctx, c, at, f), report())
		}
	}
	return errors.Join(take(ctx, c, at, f), report())
}

// take runs the call beside whatever shows it, until both have ended.
func take(ctx context.Context, c *call.Call, at place, f joinFlags) error {
	ended := make(chan error, 1)
	crash.Go(func() { ended <- c.Run(ctx) })
	show := showScreen
	switch {
	case f.show != nil:
		show = f.show
	case f.headless:
		show = showHeadless
	case f.plain || !screenPossible():
		show = showPlain
	}
	shown := show(ctx, c, at, f)
	c.Leave()
	if err := <-ended; err != nil {
		return err
	}
	return shown
}

func showHeadless(ctx context.Context, c *call.Call, at place, f joinFlags) error {
	return headless.Run(ctx, c, headless.Options{In: os.Stdin, Out: os.Stdout, Stats: f.stats, Place: at.now})
}

// ownName is the name from the flag, or of the system's user.
func ownName(flag string) string {
	name := safetext.Line(flag, signal.MaxName)
	if name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		for _, n := range []string{u.Name, u.Username} {
			if name := safetext.Line(n, signal.MaxName); name != "" {
				return name
			}
		}
	}
	return "guest"
}

func openIdentity() (*identity.Identity, error) {
	dir, err := identity.Dir()
	if err != nil {
		dir = "" // nowhere to keep a key: a fresh one
	}
	return identity.Open(dir, time.Now())
}

// openLog opens the log of this process. Nothing but the screen writes to the
// terminal, so without --log-file it goes to the state directory; headless
// mode logs to standard error. The path is "" where nobody could read it later.
func openLog(f joinFlags) (log *slog.Logger, path string, done func(), err error) {
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	opts := &slog.HandlerOptions{Level: level}
	path = f.logFile
	switch {
	case path == "" && f.headless:
		return slog.New(slog.NewTextHandler(os.Stderr, opts)), "", func() {}, nil
	case path == "":
		dir, err := identity.Dir()
		if err != nil || os.MkdirAll(dir, 0o700) != nil {
			return slog.New(slog.DiscardHandler), "", func() {}, nil
		}
		path = filepath.Join(dir, "meet.log")
		if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
			_ = os.Rename(path, path+".1") // an old log that stays is no loss
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		if f.logFile != "" {
			return nil, "", nil, usagef("--log-file: %w", err)
		}
		return slog.New(slog.DiscardHandler), "", func() {}, nil
	}
	return slog.New(slog.NewTextHandler(file, opts)), path, func() { file.Close() }, nil
}

// maxLog is how large the log may grow before the next process begins anew.
const maxLog = 4 << 20

func newSecret() (signal.Secret, error) { return signal.NewSecret(rand.Reader) }
