package notify

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

var errDenied = errors.New("a cloud's metadata service is never posted to")

// metadata holds the addresses behind which clouds keep credentials of the
// machine: link-local for most of them, one address of its own for the others.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fd00:ec2::254/128"),
	netip.MustParsePrefix("100.100.100.200/32"),
}

func denied(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, p := range metadata {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// denyMetadata looks at the address that is really dialled, after the name was
// looked up: a name can be made to lead anywhere after the policy was read.
func denyMetadata(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s cannot be read", errDenied, address)
	}
	if denied(at.Addr()) {
		return errDenied
	}
	return nil
}
