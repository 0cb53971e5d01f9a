package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// leeway is by how many seconds the two clocks may differ.
const leeway = 5

// wholeMax is the largest whole number that every reader of JSON keeps.
const wholeMax = 1<<53 - 1

var base64url = base64.RawURLEncoding.Strict()

// ErrNotFromSidgate says that nothing is to be believed that a request says about itself.
var ErrNotFromSidgate = errors.New("not from Sidgate")

// Sidgate is what passes between Sidgate and one app: docs/protocol.md in Go. To be copied.
type Sidgate struct {
	app   string
	keys  [][]byte
	clock func() int64
}

// Claims are what a token says. Those of an active session name the user.
type Claims struct {
	Issuer     string         `json:"iss"`
	Audience   string         `json:"aud"`
	IssuedAt   *int64         `json:"iat"`
	Expires    *int64         `json:"exp"`
	BodyHash   string         `json:"bh"`
	State      string         `json:"state"`
	Site       *string        `json:"site"`
	Session    string         `json:"sid"`
	User       string         `json:"sub"`
	Tenant     *string        `json:"tid"`
	Email      *string        `json:"email"`
	Attributes map[string]any `json:"attrs"`
	AuthTime   *int64         `json:"auth_time"`
	AuthHash   *string        `json:"ah"`
	Ref        *string        `json:"ref"`
	Stale      *int64         `json:"stale"`
}

// Visitor is who asks. Claims is nil unless State is "active".
type Visitor struct {
	State  string
	Claims *Claims
}

// New takes the name of the app below [upstreams], and its keys in base64, the current one first.
func New(app string, keys []string) (*Sidgate, error) {
	sidgate := &Sidgate{app: app, clock: func() int64 { return time.Now().Unix() }}
	for _, text := range keys {
		key, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(key) != sha256.Size {
			return nil, errors.New("a key is 32 bytes in base64")
		}
		sidgate.keys = append(sidgate.keys, key)
	}
	return sidgate, nil
}

// Visitor reads X-Session-Assertion.
func (s *Sidgate) Visitor(assertion string) (Visitor, error) {
	claims, err := s.open(assertion, s.app)
	if err != nil {
		return Visitor{}, err
	}
	switch claims.State {
	case "anonymous", "unknown", "none":
		return Visitor{State: claims.State}, nil
	case "active":
		if claims.Session == "" || claims.User == "" {
			return Visitor{}, refused("a session of nobody")
		}
		return Visitor{State: claims.State, Claims: claims}, nil
	}
	return Visitor{}, refused("unknown state")
}

// CheckRequest reads X-Sidgate-Request; body are the bytes as they came.
func (s *Sidgate) CheckRequest(token string, body []byte) error {
	claims, err := s.open(token, s.app+":backend")
	if err != nil {
		return err
	}
	hash := sha256.Sum256(body)
	if claims.BodyHash != base64url.EncodeToString(hash[:]) {
		return refused("signed for another body")
	}
	return nil
}

// Event writes X-Session-Event; requestID is the X-Request-Id of the request that is answered.
func (s *Sidgate) Event(requestID string, events ...map[string]any) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": s.app,
		"aud": "sidgate",
		"iat": s.clock(),
		"req": requestID,
		"ev":  events,
	})
	if err != nil {
		return "", err
	}
	header := base64url.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	signed := header + "." + base64url.EncodeToString(claims)
	return signed + "." + base64url.EncodeToString(mac(s.keys[0], signed)), nil
}

func (s *Sidgate) open(token, audience string) (*Claims, error) {
	payload, err := s.payload(token)
	if err != nil {
		return nil, err
	}
	// The package would put another character in place of what is no UTF-8.
	var claims Claims
	if !utf8.Valid(payload) || json.Unmarshal(payload, &claims) != nil {
		return nil, refused("claims of another shape")
	}
	if claims.Issuer != "sidgate" || claims.Audience != audience {
		return nil, refused("of or for somebody else")
	}
	iat, exp := claims.IssuedAt, claims.Expires
	if iat == nil || exp == nil || !whole(iat) || !whole(exp) || !whole(claims.AuthTime) || !whole(claims.Stale) {
		return nil, refused("no whole number of seconds")
	}
	if now := s.clock(); now < *iat-leeway || now >= *exp+leeway {
		return nil, refused("not of this moment")
	}
	return &claims, nil
}

func (s *Sidgate) payload(token string) ([]byte, error) {
	segments := strings.Split(token, ".")
	// Go's reader of base64 skips line breaks.
	if len(segments) != 3 || strings.ContainsAny(token, "\r\n") {
		return nil, refused("not three segments")
	}
	var decoded [3][]byte
	for i, segment := range segments {
		part, err := base64url.DecodeString(segment)
		if err != nil {
			return nil, refused("not base64url")
		}
		decoded[i] = part
	}
	if !s.isSigned(segments[0]+"."+segments[1], decoded[2]) {
		return nil, refused("not signed by Sidgate for this app")
	}
	var header struct {
		Algorithm string          `json:"alg"`
		Critical  json.RawMessage `json:"crit"`
	}
	if json.Unmarshal(decoded[0], &header) != nil || header.Algorithm != "HS256" || header.Critical != nil {
		return nil, refused("another algorithm, or an extension")
	}
	return decoded[1], nil
}

func (s *Sidgate) isSigned(signed string, signature []byte) bool {
	for _, key := range s.keys {
		if hmac.Equal(mac(key, signed), signature) {
			return true
		}
	}
	return false
}

func mac(key []byte, signed string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(signed))
	return hash.Sum(nil)
}

func whole(value *int64) bool {
	return value == nil || math.Abs(float64(*value)) <= wholeMax
}

func refused(why string) error {
	return fmt.Errorf("%w: %s", ErrNotFromSidgate, why)
}
