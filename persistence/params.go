package persistence

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"cached/internal/config"
)

// Params are the directives of persistence.
func Params() []config.Param {
	return []config.Param{
		{Name: "save", Kind: config.Words, Default: "3600 1 300 100 60 10000", Words: saveWords, Fresh: true, Rewrite: saveLines,
			Doc: "Save points: after so many seconds a snapshot is written if there were so many changes; empty for none."},
		{Name: "dbfilename", Kind: config.String, Default: "dump.rdb", Flags: config.Protected, Canon: fileName,
			Doc: "Name of the snapshot, in `dir`."},
		{Name: "rdbcompression", Kind: config.Bool, Default: "yes",
			Doc: "Compress strings in snapshots, and in what `DUMP` returns."},
		{Name: "rdbchecksum", Kind: config.Bool, Default: "yes", Flags: config.Immutable,
			Doc: "Write a checksum behind a snapshot, and compare it when it is loaded."},
		{Name: "rdb-version", Kind: config.Enum, Default: "10", Enum: []string{"10", "12"},
			Doc: "Version of the format of snapshots: 10 is read by Redis 7.0 and later, 12 by 7.4 and later. Deadlines of fields need 12, and get it."},
		{Name: "stop-writes-on-bgsave-error", Kind: config.Bool, Default: "yes",
			Doc: "Refuse writes when the last snapshot in the background failed."},
		{Name: "rdb-save-incremental-fsync", Kind: config.Bool, Default: "yes",
			Doc: "Have the system write a snapshot to the disk as it grows, not all at its end."},
		{Name: "appendonly", Kind: config.Bool, Default: "no",
			Doc: "Log every change in an append-only file, which is loaded at the start in place of the snapshot."},
		{Name: "appendfilename", Kind: config.String, Default: "appendonly.aof", Flags: config.Immutable, Canon: logFileName,
			Doc: "What the names of its files begin with."},
		{Name: "appenddirname", Kind: config.String, Default: "appendonlydir", Flags: config.Immutable, Canon: logDirName,
			Doc: "The directory in `dir` where they are."},
		{Name: "appendfsync", Kind: config.Enum, Default: "everysec", Enum: []string{"everysec", "always", "no"},
			Doc: "When they are brought to the disk: `always` before a change is answered, `everysec` each second, `no` when the system likes."},
		{Name: "no-appendfsync-on-rewrite", Kind: config.Bool, Default: "no",
			Doc: "Do not sync them while a snapshot or a new base is being written."},
		{Name: "auto-aof-rewrite-percentage", Kind: config.Int, Default: "100", Min: 0, Max: math.MaxInt32,
			Doc: "Make a new base when the files have grown by so much since the last; 0 never does."},
		{Name: "auto-aof-rewrite-min-size", Kind: config.Memory, Default: "64mb", Min: 0, Max: math.MaxInt64,
			Doc: "But not while they are smaller than this."},
		{Name: "aof-load-truncated", Kind: config.Bool, Default: "yes",
			Doc: "Load a log that ends in the middle of a command, which is cut off; else the server does not start."},
		{Name: "aof-use-rdb-preamble", Kind: config.Bool, Default: "yes",
			Doc: "Write bases in the format of snapshots, which load faster than commands do."},
		{Name: "aof-rewrite-incremental-fsync", Kind: config.Bool, Default: "yes",
			Doc: "Have the system write a base to the disk as it grows, not all at its end."},
		{Name: "aof-timestamp-enabled", Kind: config.Bool, Default: "no",
			Doc: "Note in the append-only file when changes were made. Redis before 7.0 does not load that."},
		{Name: "aof-disable-auto-gc", Kind: config.Bool, Default: "no",
			Doc: "Leave files that a new base has made useless where they are."},
		{Name: "rdb-del-sync-files", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "sanitize-dump-payload", Kind: config.Enum, Default: "no", Flags: config.Ignored, Enum: []string{"no", "yes", "clients"}},
	}
}

// fileName refuses a path.
func fileName(name string) (string, error) {
	if name == "" {
		return "", errors.New("dbfilename can't be empty")
	}
	if strings.ContainsRune(name, '/') {
		return "", errors.New("dbfilename can't be a path, just a filename")
	}
	return name, nil
}

func logFileName(name string) (string, error) {
	if name == "" || strings.ContainsRune(name, '/') {
		return "", errors.New("appendfilename can't be a path, just a filename")
	}
	return name, nil
}

func logDirName(name string) (string, error) {
	if name == "" || strings.ContainsRune(name, '/') {
		return "", errors.New("appenddirname can't be a path, just a dirname")
	}
	return name, nil
}

// saveWords reads pairs of seconds and changes; those of several lines add up,
// and an empty one takes back those before it.
func saveWords(old string, words []string) (string, error) {
	if len(words) == 0 {
		return "", nil
	}
	if len(words)%2 != 0 {
		return "", errors.New("Invalid save parameters")
	}
	for i, w := range words {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil || n < 0 || i%2 == 0 && n < 1 {
			return "", errors.New("Invalid save parameters")
		}
	}
	return strings.TrimSpace(old + " " + strings.Join(words, " ")), nil
}

func saveLines(value string) (lines []string) {
	w := strings.Fields(value)
	if len(w) == 0 {
		return []string{`""`}
	}
	for ; len(w) >= 2; w = w[2:] {
		lines = append(lines, w[0]+" "+w[1])
	}
	return lines
}
