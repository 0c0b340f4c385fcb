#!/usr/bin/env node
// A complete client of supervisiond: it lists ringing calls, follows them without missing one, and picks one up.
//
//   export NATS_URL=nats://127.0.0.1:4222 NATS_USER=crm NATS_PASSWORD=...
//   npm ci
//   node calls.js list
//   node calls.js follow
//   node calls.js pickup anna             # the oldest call that anna may take
//   node calls.js pickup anna c1a2b3c4    # that one

import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";

const site = process.env.SUPERVISION_SITE ?? "hq";
const root = `supervision.v1.${site}`; // all subjects are below it

async function open() {
  const user = process.env.NATS_USER;
  return await connect({
    servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222",
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    // Users get their answers in an inbox of their own: docs/nats.md, "Who may".
    ...(user && { user, pass: process.env.NATS_PASSWORD, inboxPrefix: `_INBOX_${user}` }),
  });
}

// snapshot reads the state as it is now: by key, with the revision, which is the bucket's sequence.
async function snapshot(nc) {
  const bucket = await new Kvm(nc).open(`SUPERVISION_${site}`);
  const state = new Map();
  for await (const key of await bucket.keys()) {
    const entry = await bucket.get(key);
    if (entry?.operation === "PUT") { // not purged meanwhile
      state.set(key, { revision: entry.revision, document: entry.json() });
    }
  }
  return state;
}

// ringing are the calls of a state that ring, the oldest first. Others have just ended: for 3 s it is said how.
function ringing(state) {
  return [...state]
    .filter(([key, { document }]) => key.startsWith("call.") && document.state === "ringing")
    .map(([, { document }]) => document)
    .sort((a, b) => (a.since + a.id < b.since + b.id ? -1 : 1));
}

function describe({ id, caller, ringing }) {
  const who = `${caller.number} ${caller.name}`.trim() || "withheld";
  return `${id}  ${who} rings ${ringing.map((r) => r.person).join(", ")}`;
}

async function list(nc) {
  for (const call of ringing(await snapshot(nc))) console.log(describe(call));
}

// reconnected ends a session when the client has reconnected: nobody knows what was published meanwhile.
let reconnected = () => {};

async function watchConnection(nc) {
  for await (const { type } of nc.status()) {
    if (type === "disconnect") console.error("connection lost, what is shown may be old");
    if (type === "reconnect") reconnected();
  }
}

// follow prints each call that begins to ring and each that rings no more, and misses none. Whenever something may have
// been missed it takes a new snapshot and prints what is different from what it has printed so far.
async function follow(nc) {
  watchConnection(nc);
  const shown = new Set(); // calls that were printed as ringing, and not as over
  for (let said; ; ) {
    try {
      await session(nc, shown);
    } catch ({ message }) {
      if (message !== said) console.error("looking again:", message);
      said = message;
    }
    await new Promise((resolve) => setTimeout(resolve, 250)); // the bucket may not be there yet, as after a restart
  }
}

// show prints what is new about a call. Without a document it is gone: how it ended was said before, or was missed.
function show(shown, id, call) {
  if (call?.state === "ringing" && !shown.has(id)) {
    shown.add(id);
    console.log(`ringing ${describe(call)}`);
  } else if (call?.state !== "ringing" && shown.delete(id)) {
    console.log(`over    ${id}  ${call?.state ?? "unseen"}`);
  }
}

// session follows until something was missed, and throws what that was.
async function session(nc, shown) {
  // 1. Subscribe. What changes from here on waits in the subscription while the bucket is read.
  const changes = nc.subscribe(`${root}.state.>`);
  let missed;
  let timer;
  const end = (why) => {
    missed ??= new Error(why);
    changes.unsubscribe();
  };
  const alive = ({ alive_until }) => {
    clearTimeout(timer);
    const left = Date.parse(alive_until) - Date.now();
    timer = setTimeout(() => end("no daemon looks after the state now; all of it is unknown"), left);
  };
  reconnected = () => end("the connection was lost for a while");
  try {
    // 2. Read all that is there, and compare it with what was printed.
    const state = await snapshot(nc);
    let site = state.get("site")?.document;
    if (!site) throw new Error("no daemon has written the state yet"); // it writes this key last
    alive(site);
    if (site.pbx.connected) { // otherwise nobody knows what has become of the calls
      for (const id of [...shown]) show(shown, id, state.get(`call.${id}`)?.document);
      for (const call of ringing(state)) show(shown, call.id, call);
    }
    // 3. Replay what has changed since, and go on with what changes.
    let last = 0;
    for await (const m of changes) {
      if (missed) break;
      // Each change has the bucket's next sequence. A step that is not one is a gap.
      const sequence = Number(m.headers?.get("Nats-Sequence"));
      if (!sequence || (last && sequence !== last + 1)) throw new Error(`a gap after change ${last}`);
      last = sequence;
      const key = m.subject.slice(`${root}.state.`.length);
      if (sequence <= (state.get(key)?.revision ?? 0)) continue; // known from the snapshot
      const document = m.data.length ? m.json() : undefined; // no body: purged
      if (key === "site") {
        // A new epoch is a new life of the daemon. The bucket is in memory and is written anew, its sequences may begin
        // again, and calls may have ended unseen. A call that rings on keeps its id.
        if (document.epoch !== site.epoch) throw new Error(`epoch ${document.epoch} has begun`);
        if (document.pbx.connected && !site.pbx.connected) throw new Error("the PBX is there again");
        site = document;
        alive(site);
      } else if (key.startsWith("call.")) {
        show(shown, key.slice("call.".length), document);
      }
    }
    throw missed ?? new Error("the subscription has ended");
  } finally {
    clearTimeout(timer);
    changes.unsubscribe();
  }
}

// pickup lets the daemon call a phone of the person's and join it to the caller. The answer comes when that is done, or
// cannot be: at most pickup.timeout and 2 s later.
async function pickup(nc, person, call) {
  const request = JSON.stringify(call ? { call } : {}); // nothing named: the oldest
  const m = await nc.request(`${root}.cmd.${person}.call.pickup`, request, { timeout: 60_000 });
  const answer = m.json();
  if (!answer.ok) throw new Error(`${answer.message} (${answer.code})`);
  console.log(`${answer.call}  picked up for ${answer.on_behalf_of}`);
}

const [what, person, call] = process.argv.slice(2);
if (!(what === "list" || what === "follow" || (what === "pickup" && person))) {
  console.error("say list, follow, or pickup PERSON [CALL]");
  process.exit(2);
}
let nc;
try {
  nc = await open();
  await { list, follow, pickup }[what](nc, person, call);
} catch (error) {
  console.error("error:", error.message);
  process.exitCode = 1;
} finally {
  await nc?.close();
}
