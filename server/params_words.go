package server

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"cached/engine"
	"cached/internal/config"
	"cached/internal/host"
)

// How the directives that are lists read their words and go back into a file.

// bindWords takes at most 16 addresses.
func bindWords(_ string, words []string) (string, error) {
	if len(words) > 16 {
		return "", errors.New("Too many bind addresses specified.")
	}
	return strings.Join(words, " "), nil
}

// enterDir changes the working directory, as the directive does in a file.
func enterDir(name string) (string, error) {
	if err := os.Chdir(name); err != nil {
		return "", errors.New(host.Reason(err))
	}
	return os.Getwd()
}

// leaveDir goes back to where the server was.
func leaveDir(old string) { _ = os.Chdir(old) }

// outputLimitsWords reads the limits of one class or several, and leaves the
// others as they were.
func outputLimitsWords(old string, words []string) (string, error) {
	if len(words)%4 != 0 {
		return "", errors.New("Wrong number of arguments in buffer limit configuration.")
	}
	classes := []string{"normal", "slave", "pubsub"}
	limits := map[string]string{}
	for was := strings.Fields(old); len(was) >= 4; was = was[4:] {
		limits[was[0]] = strings.Join(was[1:4], " ")
	}
	for ; len(words) > 0; words = words[4:] {
		class := strings.ToLower(words[0])
		if class == "replica" {
			class = "slave"
		}
		if class != classes[0] && class != classes[1] && class != classes[2] {
			return "", errors.New("Invalid client class specified in buffer limit configuration.")
		}
		hard, err1 := config.ParseMemory(words[1])
		soft, err2 := config.ParseMemory(words[2])
		seconds, err3 := strconv.ParseInt(words[3], 10, 32)
		if err1 != nil || err2 != nil || err3 != nil || seconds < 0 {
			return "", errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[class] = strconv.FormatInt(hard, 10) + " " + strconv.FormatInt(soft, 10) + " " + strconv.FormatInt(seconds, 10)
	}
	var all []string
	for _, class := range classes {
		l := limits[class]
		if l == "" {
			l = "0 0 0"
		}
		all = append(all, class+" "+l)
	}
	return strings.Join(all, " "), nil
}

// outputLimitsLines writes a line for each class.
func outputLimitsLines(value string) (lines []string) {
	for w := strings.Fields(value); len(w) >= 4; w = w[4:] {
		hard, _ := strconv.ParseInt(w[1], 10, 64)
		soft, _ := strconv.ParseInt(w[2], 10, 64)
		class := w[0]
		if class == "slave" {
			class = "replica"
		}
		lines = append(lines, class+" "+config.FormatMemory(hard)+" "+config.FormatMemory(soft)+" "+w[3])
	}
	return lines
}

// percentilesWords reads numbers from 0 to 100.
func percentilesWords(_ string, words []string) (string, error) {
	if len(words) == 1 && words[0] == "" {
		return "", nil
	}
	for i, w := range words {
		f, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return "", errors.New("Invalid latency-tracking-info-percentiles parameters")
		}
		if !(f >= 0 && f <= 100) {
			return "", errors.New("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		words[i] = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return strings.Join(words, " "), nil
}

// eventsWords reads the classes of keyspace events and writes them in Redis's
// order, with A for all of them together.
func eventsWords(_ string, words []string) (string, error) {
	const all, order = "g$lshzxetd", "g$lshzxetdKEmn"
	set := strings.Join(words, "")
	for _, c := range set {
		if !strings.ContainsRune(order+"A", c) {
			return "", errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
	}
	if strings.Contains(set, "A") {
		set += all
	}
	var out strings.Builder
	complete := true
	for _, c := range all {
		complete = complete && strings.ContainsRune(set, c)
	}
	if complete {
		out.WriteByte('A')
	}
	for _, c := range order {
		if strings.ContainsRune(set, c) && !(complete && strings.ContainsRune(all, c)) {
			out.WriteRune(c)
		}
	}
	return out.String(), nil
}

// prefixWords reads prefixes of keys.
func prefixWords(_ string, words []string) (string, error) {
	if len(words) == 1 && words[0] == "" {
		return "", nil
	}
	if len(words) > engine.MaxPrefixes {
		return "", fmt.Errorf("stats-prefixes takes at most %d prefixes", engine.MaxPrefixes)
	}
	if slices.Contains(words, "") {
		return "", errors.New("stats-prefixes takes no empty prefix")
	}
	return strings.Join(words, " "), nil
}

// titleTemplate refuses names of variables that are not known.
func titleTemplate(text string) (string, error) {
	rest := strings.NewReplacer("{title}", "", "{listen-addr}", "", "{server-mode}", "", "{port}", "", "{tls-port}", "",
		"{unixsocket}", "", "{config-file}", "").Replace(text)
	if strings.TrimSpace(text) == "" || strings.ContainsAny(rest, "{}") {
		return "", errors.New("template format is invalid or contains unknown variables")
	}
	return text, nil
}

// hostname takes what the names of machines may have.
func hostname(text string) (string, error) {
	if len(text) >= 256 {
		return "", errors.New("Hostnames must be less than 256 characters")
	}
	for _, c := range text {
		if !strings.ContainsRune("-.", c) && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "", errors.New("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return text, nil
}
