package echo

var exps = map[string]float64{}

func exp_(name string, def float64) float64 {
	if v, ok := exps[name]; ok {
		return v
	}
	return def
}
