// Package server offers a minnow collection over HTTP, as JSON.
//
//	POST   /v1/documents        [{"id": "1", "text": "...", "metadata": {...}}, ...]  add or replace, all or none
//	GET    /v1/documents/{id}   one document
//	DELETE /v1/documents/{id}   remove it
//	POST   /v1/query            {"text": "...", "k": 10}                              the documents that fit best
//	GET    /v1/stats            numbers about the collection
//	GET    /healthz             whether the server can answer
//
// An ID in a path is escaped as url.PathEscape does it. The IDs "." and "..",
// which HTTP clients and servers take for steps in the path, can't be named
// that way.
//
// # Queries
//
// Beside text a query may have what [minnow.Query] has: k, offset, ef, recall, mode
// ("vector", "text" or "hybrid"), min_similarity, diversity, and where, a filter
// on metadata in the JSON of package where:
//
//	{"text": "small fish", "mode": "hybrid", "where": {"eq": {"lang": "en"}}}
//
// What a hit has, [minnow.Hit] explains.
//
// # Errors
//
// An error is {"error": {"kind": "...", "message": "..."}}. The kind is one of
// these and for programs; the message is for people.
//
//	invalid                 400  the request can't be understood or stored
//	forbidden               403  it comes from a web page of elsewhere, or for a host name not served
//	not_found               404  no such document, or no such path
//	method_not_allowed      405  the path has other methods; see the Allow header
//	too_large               413  the body is over the limit
//	unsupported_media_type  415  the body is not said to be application/json
//	internal                500  the log has the cause, under the request ID in the message
//	unavailable             503  the collection is closed, or the request was given up
//
// # Safety
//
// There are no accounts: whoever reaches the port may read and change
// everything. [Server.ListenAndServe] listens on 127.0.0.1 unless told
// otherwise. Web pages in a browser on the same machine are kept out: a
// request from another origin is refused, and so is one for a host name that
// is not in [Options.Hosts], since a page may point a name of its own at
// 127.0.0.1.
package server
