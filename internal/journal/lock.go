package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	lockFile  = "lock"
	lockRetry = 50 * time.Millisecond
)

// dirLock is the flock on the journal's directory: the kernel lets go of it
// when the process dies, however it dies.
type dirLock struct{ f *os.File }

// lockDir takes the lock, waiting at most wait, and writes its own process
// number into it.
func lockDir(dir string, wait time.Duration) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal's lock: %w", err)
	}
	if err := waitLock(f, dir, syscall.LOCK_EX, wait); err != nil {
		_ = f.Close()
		return nil, err
	}
	// The number is only for people; a full disk must not keep us from opening.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &dirLock{f: f}, nil
}

// lockDirShared keeps writers out while the store is looked at and changes
// nothing in it, not even the lock file. A directory without a lock file (a
// copy) needs no lock: nil.
func lockDirShared(dir string) (*dirLock, error) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the journal's lock: %w", err)
	}
	if err := waitLock(f, dir, syscall.LOCK_SH, 0); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &dirLock{f: f}, nil
}

func waitLock(f *os.File, dir string, how int, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock the journal's directory %s: %w", dir, err)
		}
		if !time.Now().Before(deadline) {
			return &LockedError{Dir: dir, PID: holder(f)}
		}
		time.Sleep(lockRetry)
	}
}

func holder(f *os.File) int {
	var buf [32]byte
	n, _ := f.ReadAt(buf[:], 0) // io.EOF is the normal end of a short file
	pid, err := strconv.Atoi(string(bytes.TrimSpace(buf[:n])))
	if err != nil {
		return 0
	}
	return pid
}

func (l *dirLock) release() error {
	if l == nil {
		return nil
	}
	return l.f.Close() // closing lets go of the flock
}
