/** Hands what comes to `write` in batches: all that came while the batch before was written, so that no job costs a round trip of its own. */
export function inBatches(write) {
  let waiting = [];
  let writing = false;
  async function work() {
    writing = true;
    for (; waiting.length > 0;) {
      const batch = waiting;
      waiting = [];
      await write(batch);
    }
    writing = false;
  }
  return (item) => {
    waiting.push(item);
    if (!writing) setImmediate(() => { if (!writing) void work(); });
  };
}
