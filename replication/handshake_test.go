package replication

import (
	"errors"
	"strings"
	"testing"
)

// say is a request as a line of words.
func say(b []byte) string {
	var words []string
	for i, line := range strings.Split(string(b), "\r\n") {
		if i > 0 && i%2 == 0 {
			words = append(words, line)
		}
	}
	return strings.Join(words, " ")
}

const someID = "0123456789abcdef0123456789abcdef01234567"

// Each row is a whole conversation: what the primary answers, and what the replica has said in
// front of each answer. The last answer ends the handshake.
func TestHandshakes(t *testing.T) {
	for name, c := range map[string]struct {
		h       handshake
		talk    []string // question, answer, question, answer ...
		verdict verdict
		want    agreement
		err     string
	}{
		"the first time": {h: handshake{port: 7}, talk: []string{"PING", "+PONG", "REPLCONF listening-port 7", "+OK",
			"REPLCONF capa eof capa psync2", "+OK", "REPLCONF cached 1", "+OK", "PSYNC ? -1", "", "", "", "", "+FULLRESYNC " + someID + " 12"},
			verdict: snapshot, want: agreement{someID, 12}},
		"with a user, behind a gateway, to resume": {h: handshake{port: 7, ip: "1.2.3.4", user: "u", password: "p", id: someID, next: 100},
			talk: []string{"PING", "-NOAUTH Authentication required.", "AUTH u p", "+OK", "REPLCONF listening-port 7", "+OK",
				"REPLCONF ip-address 1.2.3.4", "+OK", "REPLCONF capa eof capa psync2", "+OK", "REPLCONF cached 1", "-ERR Unrecognized REPLCONF option: cached",
				"PSYNC " + someID + " 100", "+CONTINUE"}, verdict: resumes, want: agreement{someID, 99}},
		"resumed under another name": {h: handshake{step: stepPsync, id: someID, next: 100}, talk: []string{"PING", "+CONTINUE " + noID},
			verdict: resumes, want: agreement{noID, 99}},
		"a wrong password":           {h: handshake{password: "p"}, talk: []string{"PING", "+PONG", "AUTH p", "-WRONGPASS x"}, err: "Unable to AUTH"},
		"a primary in trouble":       {talk: []string{"PING", "-MISCONF x"}, err: "Error reply to PING"},
		"a primary without its own":  {h: handshake{step: stepPsync}, talk: []string{"PING", "-NOMASTERLINK x"}, err: "currently unable"},
		"one that loads":             {h: handshake{step: stepPsync}, talk: []string{"PING", "-LOADING x"}, err: "currently unable"},
		"a name of a wrong length":   {h: handshake{step: stepPsync}, talk: []string{"PING", "+FULLRESYNC abc 12"}, err: "wrong +FULLRESYNC"},
		"no number":                  {h: handshake{step: stepPsync}, talk: []string{"PING", "+FULLRESYNC " + someID + " x"}, err: "wrong +FULLRESYNC"},
		"a negative offset":          {h: handshake{step: stepPsync}, talk: []string{"PING", "+FULLRESYNC " + someID + " -5"}, err: "wrong +FULLRESYNC"},
		"resumed without a question": {h: handshake{step: stepPsync}, talk: []string{"PING", "+CONTINUE " + someID}, err: "was not asked for"},
		"garbage":                    {h: handshake{step: stepPsync}, talk: []string{"PING", "HTTP/1.1 200 OK"}, err: "Unexpected reply"},
		"only blanks":                {h: handshake{step: stepPsync}, talk: []string{"PING", "  "}, err: "Unexpected reply"},
		"blanks":                     {h: handshake{step: stepPsync}, talk: []string{"PING", "+"}, err: "Unexpected reply"},
		"not allowed":                {h: handshake{step: stepPsync}, talk: []string{"PING", "-NOPERM x"}, err: "refuses PSYNC"},
	} {
		send := c.h.begin()
		v, a, err := goesOn, agreement{}, error(nil)
		for i := 0; i < len(c.talk); i += 2 {
			if got := say(send); got != c.talk[i] {
				t.Fatalf("%s: says %q, want %q", name, got, c.talk[i])
			}
			if v != goesOn || err != nil {
				t.Fatalf("%s: ended early: %v %v", name, v, err)
			}
			send, v, a, err = c.h.answer(c.talk[i+1])
		}
		if v != c.verdict || a != c.want && c.err == "" || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v %v %v", name, v, a, err)
		}
	}
	h := handshake{step: stepPsync}
	send, v, a, err := h.answer("-ERR unknown command")
	if say(send) != "SYNC" || v != snapshot || a.offset != -1 || err != nil {
		t.Errorf("an old primary: %q %v %v %v", send, v, a, err)
	}
	h = handshake{step: stepPsync}
	if _, _, _, err := h.answer("-BUSY x"); !errors.As(err, new(errNotYet)) {
		t.Errorf("a busy primary: %v", err)
	}
}

// Whatever a primary sends, the replica does not crash, and ends with one of the verdicts.
func FuzzHandshake(f *testing.F) {
	f.Add("+PONG\n+OK\n+OK\n+OK\n+FULLRESYNC " + someID + " 1")
	f.Add("\n+CONTINUE\n-\n+ \n")
	f.Fuzz(func(t *testing.T, talk string) {
		h := handshake{port: 1, id: someID, next: 5}
		h.begin()
		for line := range strings.SplitSeq(talk, "\n") {
			_, v, a, err := h.answer(line)
			if err != nil {
				return
			}
			if v == snapshot && h.step == stepPsync && (len(a.id) != 40 || a.offset < 0) || v == resumes && a.offset != 4 {
				t.Fatalf("%q: %v %v", talk, v, a)
			}
			if v != goesOn {
				return
			}
		}
	})
}
