#!/usr/bin/env python3
"""A complete client of supervisiond over HTTP, with nothing but Python's standard library: it lists the calls that ring
for a person's groups, follows them without missing one, and picks one up.

    export SUPERVISION_URL=http://127.0.0.1:8080 SUPERVISION_TOKEN=...
    python3 calls.py list
    python3 calls.py follow
    python3 calls.py pickup              # the oldest call
    python3 calls.py pickup c1a2b3c4     # that one

The token says who asks (http.tokens in the configuration); what that person may see is all that there is.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ.get("SUPERVISION_URL", "http://127.0.0.1:8080").rstrip("/") + "/api/v1"
TOKEN = os.environ.get("SUPERVISION_TOKEN", "")

# The stream tells of the site every 5 s, and proves that it is alive by a comment every 15 s. Silence is a lost connection.
SILENCE = 20
# A pickup is answered when it is done, or cannot be: at most pickup.timeout and 2 s later.
PATIENCE = 60


class Refused(Exception):
    """The daemon does not do it; it has said why in a problem document (RFC 9457)."""

    def __init__(self, status, problem):
        super().__init__(f"{problem.get('detail') or problem.get('title')} ({problem.get('code') or status})")
        self.status = status


class Anew(Exception):
    """What is known may be wrong: ask for the whole."""


def open_url(method, path, body=None, headers=None, timeout=PATIENCE):
    """Opens a resource of the API, and raises Refused with the daemon's reason if it is not to be had."""
    request = urllib.request.Request(URL + path, method=method, headers={"Authorization": "Bearer " + TOKEN})
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            try:
                problem = json.load(error)
            except ValueError:
                problem = {}
        raise Refused(error.code, {"title": error.reason, **problem}) from None


def describe(call):
    caller = f"{call['caller']['number']} {call['caller']['name']}".strip() or "withheld"
    return f"{call['id']}  {caller} rings {', '.join(r['person'] for r in call['ringing'])}"


def list_calls():
    with open_url("GET", "/view") as response:
        view = json.load(response)
    for call in view["calls"]:  # those that ring, the oldest first
        print(describe(call))


def events(last_id):
    """Yields (id, event, data) of the stream: server-sent events, as the HTML Living Standard has them (9.2). With the id
    of the last event that was seen, the stream goes on after it; if that is not possible any more, it begins with a new
    `view`, as the first time."""
    headers = {"Accept": "text/event-stream"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    with open_url("GET", "/stream", headers=headers, timeout=SILENCE) as response:
        fields = {}
        for line in response:
            line = line.decode().rstrip("\r\n")
            if line and not line.startswith(":"):  # a comment
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
            elif not line:
                if "data" in fields:
                    yield fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"])
                fields = {}


class Follower:
    """Prints each call that begins to ring and each that rings no more."""

    def __init__(self):
        self.ringing = set()  # calls that were printed as ringing, and not as over
        self.last_id = ""
        self.pbx_away = False

    def run(self):
        while True:
            try:
                for event_id, event, data in events(self.last_id):
                    self.take(event, data)
                    self.last_id = event_id  # only now: what was not taken comes again
                print("the stream has ended", file=sys.stderr)
            except Anew as why:
                self.last_id = ""
                print("looking again:", why, file=sys.stderr)
            except Refused as error:
                if error.status < 500:
                    raise
                print("what is shown may be old:", error, file=sys.stderr)
            except (OSError, http.client.HTTPException) as error:
                print("connection lost, what is shown may be old:", error, file=sys.stderr)
            time.sleep(0.25)

    def take(self, event, data):
        if event == "view":
            # All that there is: the first time, after a change of the configuration, and when what was missed is not
            # known any more. That is so in a new epoch (the number before the colon in an id): a new life of the daemon
            # remembers nothing of what it has told. A call that rings on keeps its id.
            self.pbx_away = not data["site"]["pbx"]["connected"]
            if self.pbx_away:
                return  # nobody knows what has become of the calls
            calls = {call["id"]: call for call in data["calls"]}
            for call_id in self.ringing - calls.keys():
                self.over(call_id, "unseen")
            for call in calls.values():
                self.show(call)
        elif event == "site":
            was_away, self.pbx_away = self.pbx_away, not data["pbx"]["connected"]
            if was_away and not self.pbx_away:
                raise Anew("the PBX is there again")
        elif event == "call":
            self.show(data)
        elif event == "call_gone":
            self.over(data["id"], "unseen")  # or how it ended was printed before

    def show(self, call):
        if call["state"] != "ringing":
            self.over(call["id"], call["state"])
        elif call["id"] not in self.ringing:
            self.ringing.add(call["id"])
            print("ringing", describe(call), flush=True)

    def over(self, call_id, state):
        if call_id in self.ringing:
            self.ringing.remove(call_id)
            print(f"over    {call_id}  {state}", flush=True)


def pickup(call_id=None):
    """Lets the daemon call one's phone and join it to the caller."""
    with open_url("POST", "/pickup", {"call": call_id} if call_id else {}) as response:
        answer = json.load(response)
    print(f"{answer['call']}  picked up for {answer['on_behalf_of']}")


def main(args):
    try:
        if args == ["list"]:
            list_calls()
        elif args == ["follow"]:
            Follower().run()
        elif args and args[0] == "pickup" and len(args) <= 2:
            pickup(*args[1:])
        else:
            print("say list, follow, or pickup [CALL]", file=sys.stderr)
            return 2
    except (Refused, OSError, http.client.HTTPException) as error:
        print("error:", error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
