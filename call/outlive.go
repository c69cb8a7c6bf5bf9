package call

import (
	"context"
	"errors"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/signal"
)

// outliveLook is how often a call without a server looks whether anybody is left.
const outliveLook = time.Second

// outlive goes on without a server that sent us away while connections live: it only
// introduces people. It returns why the server did not want us once nobody has been
// connected for as long as somebody who vanished is waited for, or nil once we left.
func (c *Call) outlive(ctx context.Context, err error) error {
	var refused *signal.RefusedError
	if !errors.As(err, &refused) || c.mesh.ConnectedCount() == 0 {
		return err
	}
	c.log.Warn("the call goes on without the server", "error", err)
	c.Warn("server-left", "The server ended its part: "+err.Error()+". The call goes on with those who are connected.")
	look := time.NewTicker(outliveLook)
	defer look.Stop()
	alone := time.Now()
	for {
		select {
		case <-c.left:
			return nil
		case <-ctx.Done():
			return nil
		case now := <-look.C:
			if c.mesh.ConnectedCount() > 0 {
				alone = now
			} else if now.Sub(alone) >= rules.Linger {
				return err
			}
		}
	}
}
