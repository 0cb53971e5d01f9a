package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// file is one file of clients/vectors, and oneCase a case in it.
type file struct {
	Issuer, Audience string
	Keys             map[string]string
	Cases            []oneCase
}

type oneCase struct {
	Name      string
	Token     string
	Keys      []string
	Now       int64
	RequestID string `json:"request_id"`
	Body      string
	Claims    json.RawMessage
	Events    []map[string]any
	Accepted  bool
	Refused   string
}

func load(t *testing.T, name string) file {
	t.Helper()
	text, err := os.ReadFile("../../vectors/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		file
		Cases []json.RawMessage
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	// What an event may not be is not always a list, and not read here.
	for _, raw := range read.Cases {
		var one oneCase
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		read.file.Cases = append(read.file.Cases, one)
	}
	return read.file
}

func (f file) app(t *testing.T, name string, one oneCase) *Sidgate {
	t.Helper()
	var keys []string
	for _, key := range one.Keys {
		keys = append(keys, f.Keys[key])
	}
	sidgate, err := New(name, keys)
	if err != nil {
		t.Fatal(err)
	}
	sidgate.clock = func() int64 { return one.Now }
	return sidgate
}

func TestAssertions(t *testing.T) {
	file := load(t, "assertions")
	for _, one := range file.Cases {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			visitor, err := file.app(t, file.Audience, one).Visitor(one.Token)
			if one.Refused != "" {
				if !errors.Is(err, ErrNotFromSidgate) {
					t.Fatalf("read as %+v", visitor)
				}
				return
			}
			var wanted Claims
			if err := json.Unmarshal(one.Claims, &wanted); err != nil {
				t.Fatal(err)
			}
			if err != nil || visitor.State != wanted.State || (visitor.Claims != nil) != (wanted.State == "active") {
				t.Fatalf("read as %+v, %v", visitor, err)
			}
			if visitor.Claims != nil && !reflect.DeepEqual(*visitor.Claims, wanted) {
				t.Fatalf("read as %+v instead of %+v", *visitor.Claims, wanted)
			}
		})
	}
}

func TestBackendRequests(t *testing.T) {
	file := load(t, "backend-requests")
	for _, one := range file.Cases {
		one := one
		t.Run(one.Name, func(t *testing.T) {
			app := file.app(t, strings.TrimSuffix(file.Audience, ":backend"), one)
			err := app.CheckRequest(one.Token, []byte(one.Body))
			if (err == nil) != one.Accepted || (err != nil && !errors.Is(err, ErrNotFromSidgate)) {
				t.Fatal(err)
			}
		})
	}
}

// The app writes these: they say what the right ones of the vectors say.
func TestEvents(t *testing.T) {
	file := load(t, "events")
	for _, one := range file.Cases {
		one := one
		if one.Refused != "" || !reflect.DeepEqual(one.Keys, []string{"current"}) {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			app := file.app(t, file.Issuer, one)
			token, err := app.Event(one.RequestID, one.Events...)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := app.payload(token)
			if err != nil {
				t.Fatal(err)
			}
			wanted, err := json.Marshal(map[string]any{
				"iss": file.Issuer, "aud": file.Audience, "iat": one.Now, "req": one.RequestID, "ev": one.Events,
			})
			if err != nil || string(payload) != string(wanted) {
				t.Fatalf("says %s instead of %s, %v", payload, wanted, err)
			}
		})
	}
}

func TestARequestWithoutATokenIsNobodys(t *testing.T) {
	app, err := New("app", []string{base64.StdEncoding.EncodeToString(make([]byte, 32))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Visitor(""); !errors.Is(err, ErrNotFromSidgate) {
		t.Fatal(err)
	}
	if err := app.CheckRequest("", nil); !errors.Is(err, ErrNotFromSidgate) {
		t.Fatal(err)
	}
}

func TestWhatIsNoKeyIsFoundAtTheStart(t *testing.T) {
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	for _, key := range []string{"", "AAAA", short, strings.Repeat("-", 43) + "="} {
		if _, err := New("app", []string{key}); err == nil {
			t.Fatalf("%q is taken for a key", key)
		}
	}
}
