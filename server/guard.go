package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// guard refuses what a web page of elsewhere makes a browser send. Two tricks
// are known: to send across origins, which browsers mark, and to serve the page
// from a host name that later points at this machine, which only the name in
// the request tells.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := origin.Check(r); err != nil {
			s.writeError(w, r, http.StatusForbidden, kindForbidden, err.Error())
			return
		}
		if !s.serves(r.Host) {
			s.writeError(w, r, http.StatusForbidden, kindForbidden, "this server does not go by the name "+r.Host)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serves reports whether requests may be sent to hostport, a Host header.
func (s *Server) serves(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true // nobody else can own an address as a name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || slices.ContainsFunc(s.options.Hosts, func(name string) bool {
		return strings.EqualFold(name, host)
	})
}
