//go:build !amd64 && !arm64

package arena

// prefetch does nothing on this processor.
func prefetch(Addr) {}
