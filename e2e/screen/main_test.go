//go:build unix

package screen

import (
	"os"
	"testing"

	"github.com/meet-term/meet/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
