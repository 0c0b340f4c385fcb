// Package bench measures the daemon from end to end: from the PBX's frame on the websocket to a subscriber on NATS.
package bench
