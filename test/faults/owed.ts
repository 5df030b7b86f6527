import { webhooksOf, type Call, type Expected } from './call.js';
import type { Hearing } from './hearing.js';

/** How long after a link came up what is up at the switch is known, also on a busy machine. */
const LOOK_MS = 2_500;

/**
 * Which of a call's webhooks the daemons owe. All, where everything up to the event behind it was heard. Where a broken link ate
 * events: what can still be seen at the switch afterwards, since the leg lived on; and, for whatever was begun, its end. What began
 * and ended unheard nobody can know.
 */
export function owedOf(call: Call, hearing: Hearing): Expected[] {
  const webhooks = webhooksOf(call);
  const owed = new Set(webhooks.filter((webhook) => isHeard(call, webhook, hearing) || isSeenLater(call, webhook, hearing)));
  for (const webhook of webhooks) {
    const begun = webhook.state === 'cdr' ? [...owed].some(({ flow }) => flow === webhook.flow)
      : webhook.state === 'hangup' && [...owed].some(({ callId }) => callId === webhook.callId);
    if (begun) owed.add(webhook);
  }
  return webhooks.filter((webhook) => owed.has(webhook));
}

/** Whether nothing of the call was lost. */
export function isWhole({ playedAt, cut }: Call, hearing: Hearing): boolean {
  return !cut && playedAt.every((at) => at !== undefined && hearing.heard(at));
}

function isHeard({ playedAt }: Call, { trigger }: Expected, hearing: Hearing): boolean {
  return playedAt.slice(0, trigger + 1).every((at) => at !== undefined && hearing.heard(at));
}

function isSeenLater({ playedAt, score, uuid, cut }: Call, { trigger, leg, flow, state }: Expected, hearing: Hearing): boolean {
  const happened = playedAt[trigger];
  if (happened === undefined || cut || state === 'cdr' || isUnheardTransfer(score.events[trigger]!.name, happened, hearing)) return false;
  const ends = [leg, flow].map((id) => playedAt[score.events.findIndex((event) => event.name === 'CHANNEL_HANGUP' && event.leg !== undefined && uuid(event.leg) === id)]);
  return ends.every((end) => end !== undefined && hearing.looked(happened, end, LOOK_MS));
}

/** A leg that came by transfer is told of with its bridge. Afterwards it is up like any other, and nothing says how it came. */
function isUnheardTransfer(name: string, atMs: number, hearing: Hearing): boolean { return name === 'CHANNEL_BRIDGE' && !hearing.heard(atMs); }
