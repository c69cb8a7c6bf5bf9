package conn

import (
	"fmt"
	"net"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"
)

// How the transport is tuned. docs/adr/0005-pion.md says why.
const (
	keepalive          = 200 * time.Millisecond // between the ICE checks that pion makes; see cadence
	iceDisconnected    = 1 * time.Second        // silence before pion says "disconnected"
	iceFailed          = 30 * time.Minute       // more before it gives its candidates up: long after we do
	maxBindingRequests = 1000                   // checks before a pair counts as failed: over three minutes
	dtlsRetransmit     = 100 * time.Millisecond
	sctpMaxRTO         = 1 * time.Second // with less, the handshake gives up in cuts of two seconds
	sctpMinWindow      = 64 << 10        // bytes in flight, whatever is lost; what is sent has rates of its own
	stunGatherTimeout  = 2 * time.Second
	srflxAcceptance    = 200 * time.Millisecond // how long better pairs are waited for, with a browser
	prflxAcceptance    = 100 * time.Millisecond
	relayAcceptance    = 800 * time.Millisecond
	renomination       = 1000 * time.Hour // never; see newSettings
	retransmitBuffer   = 256              // video packets kept per stream for NACK
)

// Payload types that we offer.
const (
	payloadOpus = 111
	payloadRED  = 63
	payloadVP8  = 96
	payloadRTX  = 97
)

const (
	mimeRED      = "audio/red"
	uriSendTime  = sdp.ABSSendTimeURI
	uriLevel     = sdp.AudioLevelURI
	uriTransport = sdp.TransportCCURI
	uriMid       = sdp.SDESMidURI
)

// newAPI builds the pion API of one session. It is made per session because
// the handler of binding requests is; building one takes microseconds.
func (s *session) newAPI(n transport.Net) (*webrtc.API, error) {
	media, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	registry, err := newInterceptors(newArrivals(s.control))
	if err != nil {
		return nil, err
	}
	engine, err := newSettings(n, s.cfg.Browser)
	if err != nil {
		return nil, err
	}
	engine.SetICEProxyDialer(&s.streams)
	engine.LoggerFactory = pionLog{s.log}
	engine.SetICEBindingRequestHandler(s.pulse.request)
	engine.SetRemoteIPFilter(s.acceptsRemote)
	return webrtc.NewAPI(
		webrtc.WithSettingEngine(engine),
		webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(registry),
	), nil
}

// newSettings tunes a session. With our own program at the other end nothing is
// waited for: the first pair that works is used, and both sides move up when a
// better one does (see pulse). pion goes on checking the pairs that are not in
// use only with renomination switched on, whose own choice would come by its
// interval. A browser does not follow us up, so towards it we wait.
func newSettings(n transport.Net, browser bool) (webrtc.SettingEngine, error) {
	var e webrtc.SettingEngine
	e.SetNet(n)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}) // of candidates; relays may be reached by TCP
	e.DisableActiveTCP(true)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetIncludeLoopbackCandidate(true) // the network shows loopback only when there is nothing else
	e.SetICETimeouts(iceDisconnected, iceFailed, keepalive)
	e.SetICEMaxBindingRequests(maxBindingRequests)
	e.SetHostAcceptanceMinWait(0)
	e.SetSrflxAcceptanceMinWait(0)
	e.SetPrflxAcceptanceMinWait(0)
	e.SetRelayAcceptanceMinWait(0)
	if browser {
		e.SetSrflxAcceptanceMinWait(srflxAcceptance)
		e.SetPrflxAcceptanceMinWait(prflxAcceptance)
		e.SetRelayAcceptanceMinWait(relayAcceptance)
	} else if err := e.SetICERenomination(webrtc.WithRenominationInterval(renomination)); err != nil {
		return e, fmt.Errorf("have all pairs checked: %w", err)
	} else if err := e.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		// The offering side nominates, so that it is the first to have a path.
		return e, fmt.Errorf("have the offering side begin: %w", err)
	}
	e.SetSTUNGatherTimeout(stunGatherTimeout)
	e.SetDTLSRetransmissionInterval(dtlsRetransmit)
	e.SetDTLSInsecureSkipHelloVerify(true) // ICE has proved the address already; saves a round trip
	e.SetSRTPProtectionProfiles(
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	e.SetSCTPRTOMax(sctpMaxRTO)
	e.SetSCTPMinCwnd(sctpMinWindow)
	e.SetSCTPMaxMessageSize(maxMessage)
	e.DisableCloseByDTLS(true)
	return e, nil
}

// newMediaEngine registers what we speak and nothing else: the default offer
// of pion is 10 KB.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	video := []webrtc.RTCPFeedback{
		{Type: "goog-remb"}, {Type: "transport-cc"},
		{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"},
	}
	codecs := []struct {
		kind  webrtc.RTPCodecType
		codec webrtc.RTPCodecParameters
	}{
		{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
				// Stereo may be sent, in music mode; what is played is mono, so that
				// nobody need send more (RFC 7587 section 6.1).
				SDPFmtpLine:  "minptime=10;useinbandfec=1;sprop-stereo=1",
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
			}, PayloadType: payloadOpus,
		}},
		{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: mimeRED, ClockRate: 48000, Channels: 2,
				SDPFmtpLine: fmt.Sprintf("%d/%d", payloadOpus, payloadOpus),
			}, PayloadType: payloadRED,
		}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: video,
			}, PayloadType: payloadVP8,
		}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000,
				SDPFmtpLine: fmt.Sprintf("apt=%d", payloadVP8),
			}, PayloadType: payloadRTX,
		}},
	}
	for _, c := range codecs {
		if err := m.RegisterCodec(c.codec, c.kind); err != nil {
			return nil, fmt.Errorf("register %s: %w", c.codec.MimeType, err)
		}
	}
	for uri, on := range map[string][]webrtc.RTPCodecType{
		uriLevel:     {webrtc.RTPCodecTypeAudio},
		uriMid:       {webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo},
		uriTransport: {webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo},
		uriSendTime:  {webrtc.RTPCodecTypeVideo},
	} {
		for _, kind := range on {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return nil, fmt.Errorf("register %s: %w", uri, err)
			}
		}
	}
	return m, nil
}

// newInterceptors chooses what handles RTP on its way. NACKs are sent by our
// own assembler, which knows of a gap at once where pion's generator looks for
// one ten times a second. Transport-wide feedback is given and asked for by
// arrivals.
func newInterceptors(a *arrivals) (*interceptor.Registry, error) {
	responder, err := nack.NewResponderInterceptor(nack.ResponderSize(retransmitBuffer))
	if err != nil {
		return nil, fmt.Errorf("make the retransmitter: %w", err)
	}
	receiver, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make receiver reports: %w", err)
	}
	sender, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make sender reports: %w", err)
	}
	r := &interceptor.Registry{}
	r.Add(&heardOnly{}) // first: what the others write passes through it
	r.Add(a)            // then: repeated packets are numbered too
	r.Add(responder)
	r.Add(receiver)
	r.Add(sender)
	return r, nil
}

// acceptsRemote is the filter of the peer's addresses: whether we are willing
// to send checks there. It is called by pion from the agent's goroutine.
func (s *session) acceptsRemote(ip net.IP) bool {
	a, ok := addrFrom(ip)
	if isCarried(a) {
		return s.net.route != nil && a == s.net.route.addr
	}
	return ok && usableRemote(a, s.net.loopbackOnly())
}
