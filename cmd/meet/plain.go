package main

import (
	"context"
	"os"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/signal"
)

func showPlain(ctx context.Context, c *call.Call, invite signal.Invite, f joinFlags) error {
	return showHeadless(ctx, c, invite, f)
}

var _ = os.Stdout
