package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/signal"
)

// adminPath is where the admin socket of a server on a port is, unless told
// otherwise: in the directory of the service or of the session; "" without either.
func adminPath(port int) string {
	for _, dir := range []string{os.Getenv("RUNTIME_DIRECTORY"), os.Getenv("XDG_RUNTIME_DIR")} {
		if filepath.IsAbs(dir) {
			return filepath.Join(dir, "meet-serve-"+strconv.Itoa(port)+".sock")
		}
	}
	return ""
}

// listenAdmin opens the admin socket for nobody but this user. One that was left
// behind is taken over, one that answers is not.
func listenAdmin(ctx context.Context, path string) (net.Listener, error) {
	if c, err := (&net.Dialer{}).DialContext(ctx, "unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("open the admin socket: %w: %s", syscall.EADDRINUSE, path)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(path) // else listening says why not
	}
	// It is made where nobody else can look, and put in its place when nobody else may
	// use it.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".meet-serve-")
	if err != nil {
		return nil, fmt.Errorf("open the admin socket: %w", err)
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", made)
	if err != nil {
		return nil, fmt.Errorf("open the admin socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it is elsewhere then
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		l.Close()
		return nil, fmt.Errorf("open the admin socket: %w", err)
	}
	return &adminListener{l, path}, nil
}

// adminListener takes its socket away when it is closed.
type adminListener struct {
	net.Listener
	path string
}

// Close implements net.Listener.
func (l *adminListener) Close() error { return errors.Join(os.Remove(l.path), l.Listener.Close()) }

// administered is a server as its admin sees it: *signal.Server.
type administered interface {
	Rooms() []signal.RoomInfo
	Kick(room string, peer signal.PeerID) int
}

// adminHandler obeys whoever may open the admin socket.
func adminHandler(s administered, drain func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Rooms()) // whoever asked is gone
	})
	mux.HandleFunc("POST /kick", func(w http.ResponseWriter, r *http.Request) {
		n := s.Kick(r.FormValue("room"), signal.PeerID(r.FormValue("peer")))
		if n == 0 {
			http.Error(w, "there is nobody like that in such a room", http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, "%d sent away\n", n)
	})
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "stopping: clients are sent away to resume")
		drain()
	})
	return mux
}

// serveCtlCommand is meet serve ctl: it tells a server of this machine what to do.
func serveCtlCommand() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ctl",
		Short: "Look at a running server, and steer it",
		Long: `ctl talks to a server of this machine by its admin socket, as the user it runs as.
The server knows rooms and people by ids only.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "admin", "", "the server's admin socket; default the one there is")
	rooms := &cobra.Command{
		Use: "rooms", Short: "List the rooms, and who is in them", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := askAdmin(cmd.Context(), path, http.MethodGet, "/rooms")
			if err != nil || asJSON {
				_, werr := cmd.OutOrStdout().Write(body)
				return errors.Join(err, werr)
			}
			return printRooms(cmd.OutOrStdout(), body, time.Now())
		},
	}
	rooms.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	kick := &cobra.Command{
		Use: "kick ROOM [PEER]", Short: "Send somebody of a room away for good, or everybody", Example: "  meet serve ctl kick ROOM-ID PEER-ID",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("kick takes the id of a room, and of a person of it")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"room": {args[0]}}
			if len(args) == 2 {
				q.Set("peer", args[1])
			}
			return printAdmin(cmd, path, "/kick?"+q.Encode())
		},
	}
	drain := &cobra.Command{
		Use: "drain", Short: "Send everybody away to resume, and stop", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return printAdmin(cmd, path, "/drain") },
	}
	cmd.AddCommand(rooms, kick, drain)
	return cmd
}

func printAdmin(cmd *cobra.Command, path, request string) error {
	body, err := askAdmin(cmd.Context(), path, http.MethodPost, request)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(body)
	return err
}

func printRooms(w io.Writer, body []byte, now time.Time) error {
	var rooms []signal.RoomInfo
	if err := json.Unmarshal(body, &rooms); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if len(rooms) == 0 {
		_, err := fmt.Fprintln(w, "no rooms")
		return err
	}
	for _, r := range rooms {
		fmt.Fprintf(w, "%s  open for %v, %d here, %d away\n", r.ID, now.Sub(r.Since).Round(time.Second), len(r.Present), len(r.Away))
		for _, p := range r.Present {
			fmt.Fprintf(w, "  %s\n", p)
		}
		for _, p := range r.Away {
			fmt.Fprintf(w, "  %s (away)\n", p)
		}
	}
	return nil
}

// askAdmin sends a request to the admin socket at path, or to the only one there is.
func askAdmin(ctx context.Context, path, method, request string) ([]byte, error) {
	if path == "" {
		var err error
		if path, err = onlyAdmin(); err != nil {
			return nil, err
		}
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+request, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server at %s: %w", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the server's answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New(strings.TrimSpace(string(body)))
	}
	return body, nil
}

// onlyAdmin is the admin socket of the only server of this user.
func onlyAdmin() (string, error) {
	var found []string
	for _, dir := range []string{os.Getenv("RUNTIME_DIRECTORY"), os.Getenv("XDG_RUNTIME_DIR"), "/run/meet"} {
		if !filepath.IsAbs(dir) {
			continue
		}
		some, _ := filepath.Glob(filepath.Join(dir, "meet-serve-*.sock")) // the pattern is right
		found = append(found, some...)
	}
	switch len(found) {
	case 0:
		return "", errors.New("no server of yours runs here; say which by --admin PATH")
	case 1:
		return found[0], nil
	}
	return "", usagef("several servers run here, say which by --admin: %s", strings.Join(found, ", "))
}
