//go:build linux

package netlab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
)

// MapperMissing says in words why [Router.MapPorts] cannot work here, or returns
// an empty string.
func MapperMissing() string {
	if _, err := exec.LookPath("miniupnpd"); err != nil {
		return "the command miniupnpd is missing (Debian packages miniupnpd and miniupnpd-nftables)"
	}
	return ""
}

// MapPorts has the router open ports for the hosts behind it, by UPnP, NAT-PMP
// and PCP, as routers at home do. Outside is the address it believes to have
// towards the internet: beside its own, or, if that is a private one, in place of
// it, as behind a carrier-grade NAT. Then it opens nothing.
func (r *Router) MapPorts(outside netip.Addr) {
	l := r.lab
	l.tb.Helper()
	extIP := ""
	if shared := netip.MustParsePrefix("100.64.0.0/10"); outside.IsPrivate() || shared.Contains(outside) {
		l.ip(r.ns, "address flush dev wan") // the only one it has
	} else {
		extIP = "ext_ip=" + outside.String()
	}
	l.ip(r.ns, fmt.Sprintf("address add %s/%d dev wan", outside, bits))
	l.nft(r.ns, `
		add table inet filter
		add chain inet filter miniupnpd
		add chain inet filter prerouting_miniupnpd
		add chain inet filter postrouting_miniupnpd
		add chain inet filter forward { type filter hook forward priority 0; policy accept; }
		add chain inet filter prerouting { type nat hook prerouting priority -100; policy accept; }
		add chain inet filter postrouting { type nat hook postrouting priority 100; policy accept; }
		add rule inet filter forward jump miniupnpd
		add rule inet filter prerouting jump prerouting_miniupnpd
		add rule inet filter postrouting jump postrouting_miniupnpd
	`)
	conf := filepath.Join(l.tb.TempDir(), "miniupnpd.conf")
	text := fmt.Sprintf(`ext_ifname=wan
%s
listening_ip=%s
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
uuid=00000000-0000-0000-0000-000000000001
allow 1024-65535 192.168.0.0/16 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`, extIP, r.inside.bridge)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		l.tb.Fatalf("netlab: %v", err)
	}
	h := &Host{lab: l, name: "router", ns: r.ns}
	cmd := h.Command("miniupnpd", "-d", "-f", conf, "-P", filepath.Join(l.tb.TempDir(), "pid"))
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	h.Start(cmd)
	l.tb.Cleanup(func() {
		if l.tb.Failed() {
			l.tb.Logf("miniupnpd:\n%s", log)
		}
	})
}

// Mappings is what is open at present: the router's rules in words.
func (r *Router) Mappings() string {
	r.lab.tb.Helper()
	h := &Host{lab: r.lab, name: "router", ns: r.ns}
	return h.Run("nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd")
}
