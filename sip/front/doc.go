// Package front is the SIP side as the network sees it: it takes the addresses, keeps out what is not a person's phone, and hands on
// requests whose sender has proved who they are.
//
// Everything is judged before the library's transaction layer sees it: datagrams in the reader, streams in the connection. What has no
// secret is answered without a trace (RFC 3261, 8.2.7) or not at all, so strangers cost no memory. Every request with the secret of a
// person becomes a transaction; handlers run at once and in any order, so who cares for order looks at CSeq.
//
// There are no queues here. A phone that does not read loses its connection after 5 s. Who asks more often than is allowed has no
// answer; all that is refused is counted.
package front
