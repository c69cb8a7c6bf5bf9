package netwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
)

// groups are the rtnetlink multicast groups that tell of ways into the network.
const groups = unix.RTMGRP_LINK |
	unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// subscribe listens to rtnetlink(7). What the messages say is not read: they
// only make us look.
func subscribe(ctx context.Context, news chan<- struct{}) (wait func(), err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("bind a netlink socket: %w", err)
	}
	socket := os.NewFile(uintptr(fd), "netlink") // non-blocking, hence served by the poller
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	var wg sync.WaitGroup
	crash.GoIn(&wg, func() {
		defer stop()
		buf := make([]byte, 16<<10)
		for ctx.Err() == nil {
			// ENOBUFS means that messages were lost: news all the same.
			if _, err := socket.Read(buf); err != nil && !isOverrun(err) {
				return
			}
			wake.Poke(news)
		}
	})
	return wg.Wait, nil
}

// slept is the difference between the clock that counts suspended time and the
// one that does not (clock_gettime(2)).
func (system) slept() time.Duration {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - mono.Nano())
}

func isOverrun(err error) bool { return errors.Is(err, unix.ENOBUFS) }
