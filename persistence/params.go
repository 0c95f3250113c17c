package persistence

import (
	"errors"
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
		{Name: "rdb-del-sync-files", Kind: config.Bool, Default: "no", Flags: config.Ignored},
		{Name: "sanitize-dump-payload", Kind: config.Enum, Default: "no", Flags: config.Ignored, Enum: []string{"no", "yes", "clients"}},
	}
}

// fileName refuses a path.
func fileName(name string) (string, error) {
	if name == "" || strings.ContainsRune(name, '/') {
		return "", errors.New("dbfilename can't be a path, just a filename")
	}
	return name, nil
}

// saveWords reads pairs of seconds and changes; those of several lines add up.
func saveWords(old string, words []string) (string, error) {
	if len(words) == 1 && words[0] == "" {
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
