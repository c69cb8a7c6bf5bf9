package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/meet-term/meet/signal"
)

// The dashboard can be read, and asks for nothing that the server does not tell.
func TestDashboard(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil || board.Title != "meet" || len(board.Panels) < 6 {
		t.Fatalf("%+v, %v", board, err)
	}
	w := httptest.NewRecorder()
	signal.NewServer(signal.ServerConfig{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	name := regexp.MustCompile(`meet_[a-z_]+`)
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, metric := range name.FindAllString(target.Expr, -1) {
				if !strings.Contains(w.Body.String(), "\n"+metric+"{") && !strings.Contains(w.Body.String(), "\n"+metric+" ") {
					t.Errorf("%s asks for %s, which is not told", p.Title, metric)
				}
			}
		}
	}
	doc, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range name.FindAllString(string(doc), -1) {
		if !strings.Contains(w.Body.String(), metric) {
			t.Errorf("docs/OPERATIONS.md tells of %s, which is not told", metric)
		}
	}
}
