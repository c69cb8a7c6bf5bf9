package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"

	"github.com/spf13/pflag"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/signal"
)

// opsFlags are the flags of meet serve for those who run it for others.
type opsFlags struct {
	admin        string
	pprof        string
	logFormat    string
	logAddresses bool
	tokens       string
}

func (f *opsFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.admin, "admin", "", `socket for "meet serve ctl"; default in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR, "none" for none`)
	fl.StringVar(&f.pprof, "pprof", "", "address on loopback to serve profiles of this process at, such as 127.0.0.1:6060")
	fl.StringVar(&f.logFormat, "log-format", "text", "text or json")
	fl.BoolVar(&f.logAddresses, "log-addresses", false, "let the log name addresses of clients")
	fl.StringVar(&f.tokens, "token", "", "file of tokens, one in a line: only who has one opens rooms, others get into those there are")
}

// logger is the log that the flags ask for.
func (f opsFlags) logger(w io.Writer, level slog.Level) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{Level: level}
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, usagef("--log-format is %q: it must be text or json", f.logFormat)
}

// check looks at the flags before anything is opened.
func (f opsFlags) check() error {
	if f.pprof == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(f.pprof)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return usagef("--pprof %s: it must be an address of this machine alone, such as 127.0.0.1:6060", f.pprof)
	}
	return nil
}

// start opens what the flags ask for beside the server. The function it returns ends
// that.
func (f opsFlags) start(ctx context.Context, s *signal.Server, port int, drain func(), log *slog.Logger) (end func(), err error) {
	var servers []*http.Server
	var running sync.WaitGroup
	end = func() {
		for _, s := range servers {
			_ = s.Close() // nothing is lost with it
		}
		running.Wait()
	}
	serve := func(l net.Listener, web *http.Server) {
		servers = append(servers, web)
		crash.GoIn(&running, func() {
			if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				log.Error("a local listener ended", "error", err)
			}
		})
	}
	if f.pprof != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.pprof)
		if err != nil {
			return end, fmt.Errorf("serve profiles: %w", err)
		}
		web := signal.NewHTTPServer(profiles(), log)
		web.WriteTimeout = 0 // profiles take as long as they were asked to
		serve(l, web)
		log.Info("profiles", "address", l.Addr().String())
	}
	path, asked := f.admin, f.admin != ""
	if path == "" {
		path = adminPath(port)
	}
	if path == "" || path == "none" {
		return end, nil
	}
	l, err := listenAdmin(ctx, path)
	switch {
	case err == nil:
		serve(l, signal.NewHTTPServer(adminHandler(s, drain), log))
	case asked:
		end()
		return func() {}, err
	default:
		log.Info("no admin socket", "error", err)
	}
	return end, nil
}

// profiles serves what net/http/pprof has, to nobody but programs of this machine: a
// page that a browser shows has another Host.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); ip == nil && host != "localhost" || r.Header.Get("Origin") != "" {
			http.Error(w, "this listener is not known by that name", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
