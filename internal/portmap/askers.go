package portmap

// Askers are all ways to ask the router of this machine.
func Askers() []Asker {
	askers := []Asker{NewUPnP()}
	if gateway, ok := Gateway(); ok {
		askers = append(askers, NewPCP(gateway), NewNATPMP(gateway))
	}
	return askers
}
