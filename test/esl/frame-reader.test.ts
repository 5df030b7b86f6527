import { FrameReader, type FrameLimits } from '../../src/esl/frame-reader.js';
import { readEvent } from '../../src/esl/switch-event.js';
import { answerFrame, eventFrame, noticeFrame, replyFrame } from '../../src/esl/wire.js';
import { fixtureBytes } from '../support/recording.js';

const LIMITS: FrameLimits = { maxBodyBytes: 1_000_000, maxHeaderBytes: 64 * 1_024 };

/** Everything the reader makes of these bytes, cut into chunks of this size: `type body` per frame, and what was malformed. */
function read(bytes: Buffer, chunkBytes = bytes.length, limits = LIMITS) {
  const frames: string[] = [];
  const malformed: string[] = [];
  let heldBytes = 0;
  const reader = new FrameReader({
    onFrame: ({ contentType, replyText }, body) => frames.push([contentType, replyText, body.toString('latin1')].filter(Boolean).join(' ')),
    onMalformed: (kind) => malformed.push(kind),
  }, limits);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    reader.push(Buffer.from(bytes.subarray(at, at + chunkBytes)));
    heldBytes = Math.max(heldBytes, reader.heldBytes);
  }
  reader.end();
  return { frames, malformed, heldBytes };
}

const event = (fields: object) => eventFrame(JSON.stringify(fields));
const shown = (fields: object) => `text/event-json ${JSON.stringify(fields)}`;
const create = { 'Event-Name': 'CHANNEL_CREATE', 'Unique-ID': 'u', pad: 'x'.repeat(600) };
const answer = { 'Event-Name': 'CHANNEL_ANSWER', 'Unique-ID': 'u', pad: 'y'.repeat(300) };
const GOODBYE = 'text/disconnect-notice Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n';
const SHUTDOWN = 'text/disconnect-notice The system is being shut down.\n';
const cat = (...parts: (Buffer | string)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const half = (frame: Buffer, bytes: number) => frame.subarray(0, bytes);

describe('well-formed streams', () => {
  const whole = cat(replyFrame('+OK event listener enabled json'), event(create), answerFrame('1795347673'), event(answer),
    event({ pad: 'z'.repeat(44_000) }), answerFrame('{"row_count": 0}\n'), noticeFrame('shutting-down'));
  const frames = read(whole).frames;

  it('hands on every frame whole, whatever stands next to it', () => {
    expect(frames).toHaveLength(7);
    expect(frames.at(-1)).toBe(SHUTDOWN);
    expect(frames[2]).toBe('api/response 1795347673');
  });

  it.each([1, 2, 3, 7, 53, 1_448, 65_536])('reads the same from chunks of %i bytes', (chunkBytes) => {
    expect(read(whole, chunkBytes)).toMatchObject({ frames, malformed: [] });
  });

  it('reads the same wherever the stream is cut in two', () => {
    const short = cat(replyFrame('+OK'), event(answer), noticeFrame('goodbye'));
    const expected = read(short).frames;
    for (let cut = 1; cut < short.length; cut += 1) {
      const got: string[] = [];
      const reader = new FrameReader({ onFrame: (header, body) => got.push([header.contentType, header.replyText, body.toString()].filter(Boolean).join(' ')), onMalformed: (kind) => { throw new Error(kind); } });
      reader.push(short.subarray(0, cut));
      reader.push(short.subarray(cut));
      expect(got).toEqual(expected);
    }
  });

  it.each([1, 7, 65_536])('reads a recorded call alike from chunks of %i bytes', (chunkBytes) => {
    const bytes = fixtureBytes('calls/14-attended-transfer-refer.esl');
    const { frames: got, malformed } = read(bytes, chunkBytes);
    expect(got).toEqual(read(bytes).frames);
    expect(got.length).toBeGreaterThan(20);
    expect(malformed).toEqual([]);
  });

  it.each(['sigterm.json', 'fsctl-shutdown.json', 'reload-mod_event_socket.json'])('sees the goodbye at the end of %s', (name) => {
    const { frames: got, malformed } = read(fixtureBytes(`protocol/${name}.raw`), 1_448);
    expect(got.at(-1)).toBe(SHUTDOWN);
    expect(malformed).toEqual([]);
  });
});

describe('malformed streams lose nothing but the malformed', () => {
  const good = cat(event(answer), noticeFrame('goodbye'));
  const kept = [shown(answer), GOODBYE];
  it.each<[string, Buffer, string[], string[]]>([
    ['garbage before a frame', cat('no header at all\n\n', good), kept, ['garbage']],
    ['garbage glued to a frame', cat('no header at all', good), kept, ['garbage']],
    ['a stretch of garbage counts once', cat('a\n\nb\n\nc\n\n', good), kept, ['garbage']],
    ['a frame torn in its body', cat(half(event(create), 200), good), kept, ['torn']],
    ['a frame torn right after its header', cat(half(event(create), 54), good), kept, ['torn']],
    ['a frame torn inside its own header', cat('Content-Length: 2525\nContent-Ty', good), kept, ['garbage']],
    ['a frame torn inside its length', cat('Content-Length: 25', good), kept, ['garbage']],
    ['a frame torn by the goodbye', cat(half(event(create), 200), noticeFrame('shutting-down')), [SHUTDOWN], ['torn']],
    ['a goodbye inside a frame that goes on', cat(half(event(create), 200), noticeFrame('shutting-down'), event(create).subarray(200)), [SHUTDOWN], ['torn', 'half-frame']],
    ['an answer torn by an event', cat(half(answerFrame('x'.repeat(500)), 100), good), kept, ['torn']],
    ['a header line without a colon', cat('Content-Type: command/reply\nnonsense\nReply-Text: +OK\n\n', good), ['command/reply +OK', ...kept], ['bad-header']],
    ['a stray percent sign', cat('Content-Type: command/reply\nReply-Text: +OK 100%\n\n', good), ['command/reply +OK 100%', ...kept], ['bad-header']],
    ['a length that is no number', cat('Content-Length: -5\nContent-Type: api/response\n\n', good), ['api/response', ...kept], ['bad-header']],
    ['a length beyond every number', cat(`Content-Length: ${'9'.repeat(30)}\nContent-Type: api/response\n\n`, good), ['api/response', ...kept], ['bad-header']],
    ['a body that is too long', cat(answerFrame('x'.repeat(1_000_001)), good), kept, ['oversize']],
    ['a length that lies by a terabyte', cat('Content-Length: 999999999999\nContent-Type: text/event-json\n\n{', good), kept, ['oversize']],
    ['an event without a body', cat('Content-Type: text/event-json\n\n', good), kept, ['torn']],
    ['an event whose length is one too short', cat(`Content-Length: ${JSON.stringify(create).length - 1}\nContent-Type: text/event-json\n\n${JSON.stringify(create)}`, good), kept, ['torn']],
    ['a connection that ends in a header', cat(good, 'Content-Len'), kept, ['half-frame']],
    ['a connection that ends in a body', cat(good, half(event(create), 300)), kept, ['half-frame']],
  ])('%s', (_name, bytes, frames, malformed) => {
    for (const chunkBytes of [1, 7, 65_536, bytes.length]) expect({ chunkBytes, ...read(bytes, chunkBytes) }).toMatchObject({ chunkBytes, frames, malformed });
  });

  it('keeps the frame that tore another, wherever the tear and whatever length was announced', () => {
    for (let announced = 40; announced < 560; announced += 1) {
      const torn = cat(`Content-Length: ${announced}\nContent-Type: text/event-json\n\n`, '{"Event-Name":"HEARTBEAT","x":"12');
      expect({ announced, ...read(cat(torn, event(answer), event(create))) }).toMatchObject({ announced, frames: [shown(answer), shown(create)] });
    }
  });

  it('finds its place again in the stream of a switch that stalled for 600 s', () => {
    const { frames, malformed } = read(fixtureBytes('protocol/stall600-around-truncation.raw'), 1_448);
    const numbers = frames.map((frame) => /\nn: (\d+)\n/.exec(frame)?.[1]);
    expect(numbers).toEqual(['1932', '1933', '1935', '1936', '1937', '1938']); // the switch itself cut 1934 short
    expect(malformed).toEqual(['garbage', 'torn', 'half-frame']);
  });
});

describe('memory', () => {
  it('does not grow with garbage that never ends a header, and reads on after it', () => {
    const { frames, malformed, heldBytes } = read(cat('x'.repeat(1_000_000), event(answer)), 1_448);
    expect({ frames, malformed }).toEqual({ frames: [shown(answer)], malformed: ['garbage'] });
    expect(heldBytes).toBeLessThan(4 * LIMITS.maxHeaderBytes);
  });

  it('does not grow with a body that is skipped', () => {
    const { frames, malformed, heldBytes } = read(cat(answerFrame('x'.repeat(5_000_000)), event(answer)), 1_448);
    expect({ frames, malformed }).toEqual({ frames: [shown(answer)], malformed: ['oversize'] });
    expect(heldBytes).toBeLessThan(100_000);
  });

  it('is bounded by the longest body allowed', () => {
    const { frames, heldBytes } = read(answerFrame('x'.repeat(1_000_000)), 1_448);
    expect(frames).toHaveLength(1);
    expect(heldBytes).toBeLessThan(3 * LIMITS.maxBodyBytes);
  });
});

it('takes an event that is not UTF-8 as it is', () => {
  const events: string[] = [];
  const reader = new FrameReader({
    onFrame(header, body) {
      const got = header.contentType === 'text/event-json' ? readEvent(body, 's', 0) : undefined;
      if (got?.kind === 'event') events.push(got.event.get('Caller-Caller-ID-Name') ?? '');
    },
    onMalformed: (kind) => { throw new Error(kind); },
  });
  reader.push(fixtureBytes('calls/21b-invalid-utf8-callerid.esl'));
  expect(events).toHaveLength(15);
  expect(events[0]).toContain('\uFFFD');
});
