// All that is on the screen of somebody who has signed in: what the stream tells, how the connection stands, what runs.
import { SvelteMap } from 'svelte/reactivity';
import type { Call, Group, Me, Membership, Notice, Person, PickupProgress, Site } from '../api/types';
import { request } from '../api/client';
import { Connection, type Standing } from '../stream/connection';
import { apply, type Tables } from '../stream/tables';
import { Attempts } from './attempts.svelte';
import { inOrder, placesOf, rostersOf } from './find';
import { prefs } from './prefs.svelte';
import { hindranceOf, phoneToCall } from './rights';
import { makesHistory } from './past';
import { sayNotice } from './notices';

/** A call's document is purged 3 s after its end. If that is not told, it goes all the same. */
const overFor = 5_000;

class Observed implements Tables {
  me = $state.raw<Person>();
  site = $state.raw<Site>();
  people = new SvelteMap<string, Person>();
  groups = new SvelteMap<string, Group>();
  memberships = new SvelteMap<string, Membership>();
  calls = new SvelteMap<string, Call>();
}

export class Board {
  readonly tables = new Observed();
  standing = $state<Standing>('connecting');
  /** The server's time in ms. It stands still while nothing is known: ages do not go on. */
  now = $state(0);
  /** The same, in steps of ten seconds, for what is counted in minutes. */
  slow = $state(0);
  /** For how long the connection has been gone, in ms. */
  goneFor = $state(0);
  readonly pickups: Attempts;

  /** Goes up when something is told that the history has too. */
  history = $state(0);

  live = $derived(this.standing === 'live');
  /** Whether the PBX can be asked for something. */
  pbx = $derived(this.live && this.tables.site?.pbx.connected === true);
  /** Whether the history can be read. Logins say it themselves (`bar`). */
  stored = $derived(this.live && this.tables.site?.nats.connected === true);
  /** Until when what rings is known, in the server's time: while the PBX is away its ages stand still too. */
  known = $derived.by(() => {
    const pbx = this.tables.site?.pbx;
    return pbx && !pbx.connected && pbx.since ? Math.min(this.now, Date.parse(pbx.since)) : this.now;
  });
  /** Why no call at all can be picked up now. */
  hindrance = $derived.by(() => hindranceOf(this.account.endpoints, prefs.phone, this.tables.me, this.attempts.size));
  /** The phone of mine that a pickup calls. */
  phone = $derived.by(() => phoneToCall(this.account.endpoints, prefs.phone));
  private sorted = $derived(inOrder(this.tables.calls.values()));
  ringing = $derived(this.sorted.ringing);
  over = $derived(this.sorted.over);
  /** Other supervisors of my groups are not among the people whom I see; the groups name them. */
  private supervisors = $derived(new Map([...this.tables.groups.values()].flatMap((g) => g.supervisors.map((s) => [s.person, s.name]))));

  /**
   * In which groups each person is a member. It is not derived from the groups: they change ten times a second on a wall, and all
   * thousand people would be asked each time whether that concerns them.
   */
  private places = $state.raw(new Map<string, string[]>());
  private rosters = '';

  private readonly connection: Connection;
  private lastLive = 0;
  private stopped = false;
  /** The session has ended by itself: nobody has signed out. */
  ended = false;
  private ends: (() => void)[] = [];

  /** Who has signed in, with what they may do and their phones. */
  account = $state.raw() as Me;

  /** onOther: another person has signed in, in another tab of this browser. */
  constructor(
    account: Me,
    private readonly onSignedOut: () => void,
    private readonly onOther: () => void,
  ) {
    this.account = account;
    const after = (ms: number, f: () => void): (() => void) => {
      const timer = setTimeout(f, ms);
      return () => clearTimeout(timer);
    };
    this.pickups = new Attempts(account.id, after);
    this.connection = new Connection(
      { fetch: (url, init) => fetch(url, init), now: () => Date.now(), chance: () => Math.random(), after },
      {
        event: (name, data) => this.received(name, data),
        standing: (s) => {
          if (s === 'signed_out') onSignedOut();
          else this.tick(s);
        },
        signedIn: () => this.signedIn(),
      },
    );
  }

  start(): void {
    this.connection.start();
    const timer = setInterval(() => {
      this.connection.tick();
      this.tick(this.connection.standing);
    }, 1000);
    const listen = (target: EventTarget, event: string, f: (e: Event) => void) => {
      target.addEventListener(event, f);
      this.ends.push(() => target.removeEventListener(event, f));
    };
    // A page that was asleep shows nothing of before as if it were now.
    listen(document, 'freeze', () => this.connection.sleeps());
    listen(document, 'resume', () => this.connection.awoke(true));
    listen(document, 'visibilitychange', () => document.visibilityState === 'visible' && this.connection.awoke(false));
    listen(window, 'pagehide', () => this.connection.sleeps());
    listen(window, 'pageshow', (e) => (e as PageTransitionEvent).persisted && this.connection.awoke(true));
    listen(window, 'online', () => this.connection.awoke(false));
    this.ends.push(() => clearInterval(timer));
  }

  stop(ended: boolean): void {
    this.stopped = true;
    this.ended = ended;
    this.connection.stop();
    for (const end of this.ends) end();
    this.ends = [];
  }

  /** How far my pickups have come, by call. */
  get attempts(): Attempts['phases'] {
    return this.pickups.phases;
  }

  personOf(id: string): Person | undefined {
    return id === this.account.id ? this.tables.me : this.tables.people.get(id);
  }

  nameOf = (id: string): string => this.personOf(id)?.name ?? this.supervisors.get(id) ?? id;

  groupName = (id: string): string => this.tables.groups.get(id)?.name ?? this.tables.memberships.get(id)?.name ?? id;

  /** Those of my groups in which somebody is a member. Who asks is told of changes of these, and of no others. */
  groupsWith(person: string): Group[] {
    return (this.places.get(person) ?? []).map((id) => this.tables.groups.get(id)).filter((g): g is Group => g !== undefined);
  }

  private tick(standing: Standing): void {
    const back = this.lastLive > 0 && this.standing !== 'live' && standing === 'live';
    this.standing = standing;
    if (back) void this.askWho();
    if (standing !== 'live') this.pickups.lost();
    if (standing === 'live') {
      this.lastLive = Date.now() - this.connection.quietFor();
      this.now = this.connection.serverNow();
      this.goneFor = 0;
      if (this.now - this.slow >= 10_000 || this.now < this.slow) this.slow = this.now;
    } else if (this.lastLive > 0) {
      this.goneFor = Date.now() - this.lastLive;
    }
  }

  private received(name: string, data: unknown): void {
    if (makesHistory(this.tables, name, data)) this.history++;
    const notice = apply(this.tables, name, data);
    if (notice) this.noticed(notice);
    if (name === 'call') this.callTold(data as Call);
    if (name === 'call' || name === 'view') for (const call of name === 'call' ? [data as Call] : this.tables.calls.values()) this.pickups.told(call);
    if (name === 'view' || name === 'group' || name === 'group_gone') this.placed();
    if (name === 'call_gone') this.pickups.gone((data as Call).id);
    if (name === 'view') {
      if (this.lastLive > 0) void this.askWho();
      for (const id of this.attempts.keys()) if (!this.tables.calls.has(id)) this.pickups.gone(id);
    }
  }

  /** There may have been a change of the configuration, or somebody else may have signed in. */
  async askWho(): Promise<void> {
    if (!(await this.signedIn())) this.onSignedOut();
  }

  /** Asks who is signed in. Nobody is only if the daemon says so. */
  private async signedIn(): Promise<boolean> {
    const answer = await request<Me>('GET', '/me');
    if (this.stopped) return true;
    if (!answer.ok) return answer.problem.code !== 'unauthorized';
    if (answer.data.id === this.account.id) this.account = answer.data;
    else this.onOther();
    return true;
  }

  /** Who is a member where has changed, perhaps. It hardly ever has: with the configuration, and not when somebody's phone rings. */
  private placed(): void {
    const rosters = rostersOf(this.tables.groups.values());
    if (rosters === this.rosters) return;
    this.rosters = rosters;
    this.places = placesOf(rosters);
  }

  private callTold(call: Call): void {
    if (call.state === 'ringing') return;
    setTimeout(() => {
      if (this.tables.calls.get(call.id)?.state !== 'ringing') this.tables.calls.delete(call.id);
    }, overFor);
  }

  private noticed(notice: Notice): void {
    if (notice.type === 'pickup.calling' || notice.type === 'pickup.connecting') {
      const { call } = notice.document as PickupProgress;
      if (this.tables.calls.get(call)?.state === 'ringing') {
        this.pickups.progress(call, notice.type === 'pickup.calling' ? 'calling' : 'connecting');
      }
      return;
    }
    if (notice.type === 'pickup.refused') return; // The command's own answer says why, and the call that nobody picks it up any more.
    sayNotice(notice, this);
  }
}
