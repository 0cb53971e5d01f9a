// A Go app behind Sidgate, with the standard library alone.
//
//	SIDGATE_UPSTREAM=app SIDGATE_KEY=... PORT=8000 go run .
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

type page func(w http.ResponseWriter, r *http.Request, visitor Visitor)

func main() {
	sidgate, err := New(os.Getenv("SIDGATE_UPSTREAM"), strings.Split(os.Getenv("SIDGATE_KEY"), ","))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", visited(sidgate, http.MethodGet, "/", home))
	http.HandleFunc("/account", visited(sidgate, http.MethodGet, "/account", loginRequired(account)))
	http.HandleFunc("/logout", visited(sidgate, http.MethodPost, "/logout", logout(sidgate)))
	http.HandleFunc("/__sidgate__/authenticate", authenticate(sidgate))
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

// visited finds out who asks before it serves anything.
func visited(sidgate *Sidgate, method, path string, serve page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visitor, err := sidgate.Visitor(r.Header.Get("X-Session-Assertion"))
		switch {
		case err != nil:
			problem(w, http.StatusForbidden, "only through the gateway")
		case r.URL.Path != path:
			problem(w, http.StatusNotFound, "not found")
		case r.Method != method:
			problem(w, http.StatusMethodNotAllowed, "not this way")
		default:
			serve(w, r, visitor)
		}
	}
}

func loginRequired(serve page) page {
	return func(w http.ResponseWriter, r *http.Request, visitor Visitor) {
		switch visitor.State {
		case "active":
			serve(w, r, visitor)
		case "unknown":
			problem(w, http.StatusServiceUnavailable, "nobody can say who you are")
		default:
			problem(w, http.StatusUnauthorized, "log in first")
		}
	}
}

func home(w http.ResponseWriter, _ *http.Request, visitor Visitor) {
	name := "stranger"
	if claims := visitor.Claims; claims != nil {
		name = claims.User
		if said, ok := claims.Attributes["name"].(string); ok {
			name = said
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Hello, %s\n", name)
}

func account(w http.ResponseWriter, _ *http.Request, visitor Visitor) {
	answer(w, http.StatusOK, map[string]any{"id": visitor.Claims.User, "email": visitor.Claims.Email})
}

func logout(sidgate *Sidgate) page {
	return func(w http.ResponseWriter, r *http.Request, _ Visitor) {
		event, err := sidgate.Event(r.Header.Get("X-Request-Id"), map[string]any{"type": "logout", "scope": "this"})
		if err != nil {
			problem(w, http.StatusInternalServerError, "not signed")
			return
		}
		w.Header().Set("X-Session-Event", event)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func authenticate(sidgate *Sidgate) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil || sidgate.CheckRequest(r.Header.Get("X-Sidgate-Request"), body) != nil {
			problem(w, http.StatusNotFound, "not found")
			return
		}
		var asked struct{ Email, Password string }
		if err := json.Unmarshal(body, &asked); err != nil {
			problem(w, http.StatusBadRequest, "not the JSON of a login")
			return
		}
		if identity := identityOf(asked.Email, asked.Password); identity != nil {
			answer(w, http.StatusOK, identity)
			return
		}
		answer(w, http.StatusUnauthorized, map[string]any{"code": "invalid_credentials"})
	}
}

func problem(w http.ResponseWriter, status int, detail string) {
	answer(w, status, map[string]any{"detail": detail})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
