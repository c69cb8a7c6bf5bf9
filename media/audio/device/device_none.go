//go:build !linux && !darwin && !(windows && (amd64 || arm64))

package device

import "context"

func devices(context.Context) (List, error) { return List{}, ErrUnsupported }

func watch(context.Context, func()) error { return ErrUnsupported }

func capture(context.Context, Options, func([]float32)) error { return ErrUnsupported }

func play(context.Context, Options, func([]float32)) error { return ErrUnsupported }
