package conn

import (
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/signal"
)

// servers returns the STUN and TURN servers in the form pion wants.
func (s *session) servers(offered []signal.ICEServer) []webrtc.ICEServer {
	var out []webrtc.ICEServer
	for _, server := range offered {
		out = append(out, webrtc.ICEServer{
			URLs: server.URLs, Username: server.Username, Credential: server.Credential,
		})
	}
	return out
}

// useICE takes other STUN and TURN servers, or fresh credentials, for the next
// ICE restart.
func (s *session) useICE(offered []signal.ICEServer) {
	servers := s.servers(offered)
	if err := s.pc.SetConfiguration(webrtc.Configuration{ICEServers: servers}); err != nil {
		s.log.Info("new ICE servers are not taken", "err", err)
		return
	}
	s.iceServers = servers
}
