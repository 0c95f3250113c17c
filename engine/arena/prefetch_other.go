//go:build !amd64 && !arm64

package arena

// This processor is left to itself.
func prefetch(Addr) {}
