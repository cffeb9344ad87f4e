package proxy

// refusal is why a request is answered by the proxy itself. Its text is a
// constant: nothing that a client or a backend sent is repeated.
type refusal struct {
	status int
	detail string
	allow  string // the Allow field of a 405
	retry  bool   // Retry-After: 1
}

func bad(detail string) *refusal { return &refusal{status: 400, detail: detail} }

// Refusals of request heads and bodies. All of them close the connection:
// where a message is doubtful, so is the place at which the next one begins.
var (
	refuseBareLF      = bad("a line of the head ends without CR")
	refuseCR          = bad("a carriage return stands inside a line of the head")
	refuseStart       = bad("the first line is not a request line")
	refuseTarget      = bad("the request target is not valid")
	refuseVersion     = bad("the protocol version is not valid")
	refuseFold        = bad("a line of the head begins with a blank")
	refuseName        = bad("a field name is not valid")
	refuseValue       = bad("a field value is not valid")
	refuseHost        = bad("exactly one valid Host is wanted")
	refuseAuthority   = bad("the request target and Host name different hosts")
	refuseLength      = bad("Content-Length is not valid")
	refuseFraming     = bad("Content-Length and Transfer-Encoding do not go together")
	refuseCoding      = bad("Transfer-Encoding is not valid")
	refuseChunk       = bad("the chunked body is not valid")
	refuseExpect      = &refusal{status: 417, detail: "only 100-continue can be expected"}
	refuseMethod      = &refusal{status: 405, detail: "the method is not served", allow: methods}
	refuseProtocol    = &refusal{status: 505, detail: "only HTTP/1.1 and HTTP/1.0 are served"}
	refuseOtherCoding = &refusal{status: 501, detail: "only the transfer coding chunked is served"}
	refuseUpgrade     = &refusal{status: 501, detail: "protocol upgrades are not served"}
	refuseLongTarget  = &refusal{status: 414, detail: "the request target is too long"}
	refuseLongHead    = &refusal{status: 431, detail: "the head of the request is too long"}
	refuseLongBody    = &refusal{status: 413, detail: "the body of the request is too long"}
	refuseSlow        = &refusal{status: 408, detail: "the request did not arrive in time"}
	refuseRoute       = &refusal{status: 404, detail: "no route takes this host and path"}
	refuseBusy        = &refusal{status: 503, detail: "too many requests are being answered", retry: true}
	refuseFull        = &refusal{status: 503, detail: "all connections to the backend are in use", retry: true}
	refuseUnreachable = &refusal{status: 502, detail: "the backend cannot be reached"}
	refuseBroken      = &refusal{status: 502, detail: "the backend did not answer properly"}
	refuseTimeout     = &refusal{status: 504, detail: "the backend did not answer in time"}
	refusePanic       = &refusal{status: 500, detail: "an error inside the proxy"}
)
