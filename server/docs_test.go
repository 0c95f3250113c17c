package server

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"cached/commands"
	"cached/engine"
	"cached/internal/config"
	"cached/memcached"
	"cached/persistence"
	"cached/replication"
)

var update = flag.Bool("update", false, "write docs/commands.md and docs/configuration.md")

// The documents that follow from rows are generated here:
//
//	go test ./server -run Documents -update
func TestDocumentsAreCurrent(t *testing.T) {
	keys := engine.New(engine.Options{})
	cfg, err := config.New(replication.Params())
	if err != nil {
		t.Fatal(err)
	}
	rows := persistence.New(persistence.Options{Engine: keys}).Commands()
	rows = append(rows, replication.New(replication.Options{Config: cfg, Engine: keys}).Commands()...)
	s, _ := startWith(t, Options{Rows: rows})
	for name, text := range map[string]string{
		"../docs/commands.md":      commandsDocument(s.table),
		"../docs/configuration.md": configurationDocument(),
	} {
		if *update {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if now, err := os.ReadFile(name); err != nil || string(now) != text {
			t.Errorf("%s is not what the rows say (%v): go test ./server -run Documents -update", name, err)
		}
	}
}

func commandsDocument(table *commands.Table) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the command table (`go test ./server -run Documents -update`). " +
		"\"Since\" is the version of Redis that brought the command, or of the server that is named.\n")
	groups := []commands.Group{commands.String, commands.Generic, commands.Hash, commands.List, commands.Set, commands.SortedSet,
		commands.Stream, commands.Bitmap, commands.HyperLogLog, commands.Geo, commands.Limits, commands.PubSub, commands.Transactions,
		commands.Scripting, commands.Lock, commands.Connection, commands.Server, commands.Cluster}
	for _, g := range groups {
		var rows strings.Builder
		for _, spec := range table.All() {
			if spec.Group != g {
				continue
			}
			if len(spec.Sub) == 0 {
				commandRow(&rows, spec)
			}
			for i := range spec.Sub {
				commandRow(&rows, &spec.Sub[i])
			}
		}
		if rows.Len() > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n| command | since | complexity | |\n|---|---|---|---|\n%s", g, rows.String())
		}
	}
	return b.String()
}

func commandRow(b *strings.Builder, spec *commands.Spec) {
	name := strings.ToUpper(strings.ReplaceAll(spec.FullName(), "|", " "))
	cell := func(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
	since := spec.Since
	if spec.Origin != "" {
		since = spec.Origin + " " + since
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, since, cell(spec.Complexity), cell(spec.Summary))
}

func configurationDocument() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nGenerated from the rows of directives (`go test ./server -run Documents -update`).\n\n" +
		"A file, the command line and `CONFIG SET` speak redis.conf:\n\n" +
		"    cached /etc/redis/redis.conf --port 7000 --maxmemory 100mb\n" +
		"    echo 'port 7001' | cached -\n\n" +
		"Sizes take units (`100mb`, `1gb`, `1g` = 10^9). A directive marked *start* is read once, at the start; the others " +
		"follow `CONFIG SET`. A misspelt directive is an error with file and line.\n\n" +
		"| directive | default | | |\n|---|---|---|---|\n")
	var ignored []string
	for _, p := range slices.Concat(Params(), persistence.Params(), replication.Params(), memcached.Params()) {
		if p.Has(config.Ignored) {
			ignored = append(ignored, "`"+p.Name+"`")
			continue
		}
		when := ""
		if p.Has(config.Immutable) {
			when = "*start*"
		}
		value := p.Default
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, value, when, p.Doc)
	}
	b.WriteString("\n## Without effect\n\nRedis's other directives are accepted, kept and shown, so that an existing file can be " +
		"used; the log names those a file sets.\n\n" + strings.Join(ignored, " ") + "\n")
	return b.String()
}
