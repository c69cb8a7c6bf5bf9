//go:build linux

package browser

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// driver is what a browser must be able to do for a test.
type driver interface {
	// evaluate runs an expression in the page, as a person's own act, waits for its
	// promise and returns its value.
	evaluate(expression string) (json.RawMessage, error)
	navigate(url string) error
	press(key, code string) error
	// complaints is what the console holds that should not be there.
	complaints() []string
}

// tab is one browser with one page, which is what a participant is. Its methods are
// for the test's goroutine.
type tab struct {
	t      *testing.T
	name   string
	driver driver
}

// eval runs an expression in the page, as a person's own act, and waits for
// its promise.
func (c *tab) eval(expression string, result any) {
	c.t.Helper()
	if err := c.tryEval(expression, result); err != nil {
		c.t.Fatalf("%s: %s: %v", c.name, expression, err)
	}
}

func (c *tab) tryEval(expression string, result any) error {
	value, err := c.driver.evaluate(expression)
	if err != nil || result == nil || len(value) == 0 {
		return err
	}
	return json.Unmarshal(value, result)
}

// until looks at an expression until it is true, within a time, and returns
// how long that took. The browser is another program: it can only be asked.
func (c *tab) until(within time.Duration, what, expression string) time.Duration {
	c.t.Helper()
	start := time.Now()
	for {
		var ok bool
		err := c.tryEval("!!("+expression+")", &ok)
		if took := time.Since(start); ok {
			return took
		} else if took > within {
			c.t.Fatalf("%s: not within %v: %s (%v)\n%s", c.name, within, what, err, c.describe())
		}
		pause := time.NewTimer(50 * time.Millisecond)
		<-pause.C
	}
}

// describe is what the page shows, for a failed test.
func (c *tab) describe() string {
	var s string
	if err := c.tryEval(`JSON.stringify({view: globalThis.meet?.call.view(), text: document.body.innerText.slice(0, 600)}, null, 1)`, &s); err != nil {
		return err.Error()
	}
	return s
}

// open loads a page.
func (c *tab) open(url string) {
	c.t.Helper()
	if err := c.driver.navigate(url); err != nil {
		c.t.Fatalf("%s: open %s: %v", c.name, url, err)
	}
	c.until(20*time.Second, "the lobby", `document.getElementById("lobby") && !document.getElementById("lobby").hidden`)
}

// join opens the link and enters with a name and the given sources, such as
// "mic camera".
func (c *tab) join(url, name, sources string) {
	c.t.Helper()
	c.open(url)
	c.until(20*time.Second, "the devices", `document.getElementById("preview").srcObject && document.getElementById("preview").videoWidth`)
	for _, kind := range []string{"mic", "camera"} {
		if !strings.Contains(sources, kind) {
			c.eval(fmt.Sprintf(`document.getElementById("want-%s").click()`, kind), nil)
		}
	}
	c.enter(name)
}

// enter fills in the form.
func (c *tab) enter(name string) {
	c.t.Helper()
	quoted, err := json.Marshal(name)
	if err != nil {
		c.t.Fatal(err)
	}
	c.eval(fmt.Sprintf(`document.getElementById("name").value = %s; document.getElementById("join-button").click()`, quoted), nil)
	c.until(10*time.Second, "the room", `!document.getElementById("room").hidden`)
}

// key presses a key as a person does.
func (c *tab) key(key, code string) {
	c.t.Helper()
	if err := c.driver.press(key, code); err != nil {
		c.t.Fatalf("%s: key %s: %v", c.name, key, err)
	}
}

// text is what an element shows.
func (c *tab) text(id string) string {
	c.t.Helper()
	var s string
	c.eval(`document.getElementById("`+id+`").textContent`, &s)
	return s
}
