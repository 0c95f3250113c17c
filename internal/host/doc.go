// Package host asks the system about the machine and the process: processors and memory that
// they may use, with the quotas of a container, open files, processor time. It keeps no state
// but open files of /proc, starts no goroutine, and may be called by anyone.
package host
