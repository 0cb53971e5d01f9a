package main

import (
	"crypto/sha256"
	"crypto/subtle"
)

// The users of the example. Yours are in a database, and their passwords behind a slow hash.
var users = map[string]struct {
	password string
	identity map[string]any
}{
	"ada@example.com": {
		password: "correct horse",
		identity: map[string]any{
			"user":       map[string]any{"id": "7", "email": "ada@example.com"},
			"attributes": map[string]any{"name": "Ada"},
		},
	},
}

// identityOf says who that is, if the password is right. An unknown name takes as long as a wrong password.
func identityOf(email, password string) map[string]any {
	user := users[email]
	given, right := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(user.password))
	if subtle.ConstantTimeCompare(given[:], right[:]) == 1 {
		return user.identity
	}
	return nil
}
