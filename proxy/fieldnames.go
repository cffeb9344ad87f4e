package proxy

// hopByHop says whether a field belongs to one connection (RFC 9110 §7.6.1)
// or to the framing, which is written anew. Spellings with underscores count.
func hopByHop(name []byte) bool {
	switch foldName(name[0]) {
	case 'c':
		return isName(name, "connection") || isName(name, "content-length")
	case 'h':
		return isName(name, "http2-settings")
	case 'k':
		return isName(name, "keep-alive")
	case 'p':
		return isName(name, "proxy-connection") || isName(name, "proxy-authenticate") || isName(name, "proxy-authorization")
	case 't':
		return isName(name, "te") || isName(name, "trailer") || isName(name, "transfer-encoding")
	case 'u':
		return isName(name, "upgrade")
	default:
		return false
	}
}

// ownedByProxy says whether a request's field is one that only the proxy may
// write: what says who the client is, and what routes.
func ownedByProxy(name []byte) bool {
	switch foldName(name[0]) {
	case 'e':
		return isName(name, "expect") // answered here
	case 'f':
		return isName(name, "forwarded")
	case 'x':
		return hasNamePrefix(name, "x-forwarded-") || hasNamePrefix(name, "x-headgate-") ||
			isName(name, "x-request-id") || isName(name, "x-real-ip")
	default:
		return false
	}
}

// neverNominated are end-to-end fields that a Connection field cannot take
// away: a client could hide from the backend who it is.
func neverNominated(name []byte) bool {
	switch foldName(name[0]) {
	case 'a':
		return isName(name, "authorization")
	case 'c':
		return isName(name, "cookie") || isName(name, "content-type") || isName(name, "content-encoding")
	case 'h':
		return isName(name, "host")
	case 's':
		return isName(name, "set-cookie")
	default:
		return false
	}
}

// nominated says whether a Connection field names this field.
func nominated(fields []field, name []byte) bool {
	for i := range fields {
		if !equalFold(fields[i].name, "connection") {
			continue
		}
		for token := range eachToken(fields[i].value) {
			if len(token) == len(name) && sameName(token, name) {
				return !neverNominated(name)
			}
		}
	}
	return false
}

func sameName(a, b []byte) bool {
	for i := range a {
		if foldName(a[i]) != foldName(b[i]) {
			return false
		}
	}
	return true
}

// reservedKeyHeader says whether a header cannot hold a user's key, because it
// is not the user's to write or belongs to one connection.
func reservedKeyHeader(name string) bool {
	b := []byte(name)
	return hopByHop(b) || ownedByProxy(b) || isName(b, "host") || isName(b, "cookie")
}
