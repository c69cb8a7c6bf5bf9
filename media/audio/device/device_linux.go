package device

import "context"

func devices(context.Context) (List, error)                   { return List{}, ErrNoServer }
func watch(context.Context, func()) error                     { return ErrNoServer }
func capture(context.Context, Options, func([]float32)) error { return ErrNoServer }
func play(context.Context, Options, func([]float32)) error    { return ErrNoServer }
