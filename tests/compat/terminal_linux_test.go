package compat

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a program that runs in a terminal of its own.
type terminal struct {
	t      *testing.T
	master *os.File
	out    syncBuffer
	asked  int           // how much it showed when it last asked for a line
	done   chan struct{} // closed when the program has exited
	read   chan struct{} // closed when all that it wrote is in out
}

// runInTerminal starts a program in a new terminal; it is killed with the test.
func runInTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, slave, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(os.Environ(), "TERM=xterm", "REDISCLI_HISTFILE=/dev/null", "HOME="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	term := &terminal{t: t, master: master, done: make(chan struct{}), read: make(chan struct{})}
	// The parent's death is the death of the starting thread, so it must stay.
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		<-term.done
		runtime.UnlockOSThread()
	}()
	if err := <-started; err != nil {
		close(term.done)
		t.Fatal(err)
	}
	slave.Close()
	go func() {
		defer close(term.read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.out.Write(buf[:n])
			if err != nil {
				return // the program has let go of the terminal
			}
		}
	}()
	go func() {
		cmd.Wait()
		close(term.done)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-term.done
		<-term.read
		master.Close()
	})
	return term
}

func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

// send types text.
func (x *terminal) send(text string) {
	x.t.Helper()
	if _, err := x.master.WriteString(text); err != nil {
		x.t.Fatal(err)
	}
}

// await waits until the text of the terminal matches a pattern n times.
func (x *terminal) await(n int, pattern string) {
	x.t.Helper()
	re := regexp.MustCompile(pattern)
	eventually(x.t, func() string {
		if out := x.out.String(); len(re.FindAllString(out, -1)) < n {
			return fmt.Sprintf("no %d of %q in %q", n, pattern, out)
		}
		return ""
	})
}

// awaitPrompt waits until the program asks for a line.
func (x *terminal) awaitPrompt(prompt *regexp.Regexp) {
	x.t.Helper()
	eventually(x.t, func() string {
		if out := x.out.String(); len(out) <= x.asked || !prompt.MatchString(out[x.asked:]) {
			return fmt.Sprintf("no %s at the end of %q", prompt, out)
		}
		return ""
	})
	x.asked = len(x.out.String())
}

// end waits until the program has exited and returns the text of the terminal.
func (x *terminal) end() string {
	x.t.Helper()
	select {
	case <-x.read:
	case <-time.After(30 * time.Second):
		x.t.Fatalf("it does not end; the terminal shows %q", x.out.String())
	}
	return x.out.String()
}
