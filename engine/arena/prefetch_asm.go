//go:build amd64 || arm64

package arena

// prefetch is one instruction of the processor.
func prefetch(a Addr)
