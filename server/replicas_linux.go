package server

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// handOver gives the socket of a client, which is closed, to its heir.
func (l *loop) handOver(c *loopConn) {
	_ = l.driver.Load().control(unix.EPOLL_CTL_DEL, c.fd, 0, l.index)
	file := os.NewFile(uintptr(c.fd), c.addr)
	defer file.Close() // FileConn has a descriptor of its own
	sock, err := net.FileConn(file)
	if err != nil {
		l.srv.log.Error("take over the connection of a replica", "client", c.addr, "error", err)
		return
	}
	l.srv.handOver(&c.client, sock)
}
