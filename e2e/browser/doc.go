// Package browser tests the page of package web in a real Chromium and a real
// Firefox, together with real terminals: both are in one room, and see, hear and
// read each other through cuts and restarts.
//
// Chromium is driven over the DevTools protocol by its pipes (chromium_test.go),
// which need no port and so reach a browser inside a network namespace as well.
// Firefox is driven over WebDriver BiDi (firefox_test.go). The tests run with
// MEET_E2E=1 and need the Debian packages chromium, firefox-esr and, for those with
// a network, iproute2 and nftables.
package browser
