/** Things that fall due a fixed time after they were added: a queue, so that ten thousand open ones cost nothing until their turn. */
export interface Deadlines<T> {
  add(item: T, nowMs: number): void;
  /** Removes and returns what is due. */
  due(nowMs: number): T[];
  /** When the next one falls due; undefined when there is none. */
  nextMs(): number | undefined;
  clear(): void;
}

export function deadlinesAfter<T>(delayMs: number): Deadlines<T> {
  let queue: { item: T; atMs: number }[] = [];
  let head = 0;

  function compact(): void {
    if (head < 1_024 || head * 2 < queue.length) return;
    queue = queue.slice(head);
    head = 0;
  }

  return {
    add: (item, nowMs) => { queue.push({ item, atMs: nowMs + delayMs }); },
    due(nowMs) {
      const items: T[] = [];
      for (; head < queue.length && queue[head]!.atMs <= nowMs; head += 1) {
        items.push(queue[head]!.item);
        queue[head] = undefined as never; // let go of it before the queue is compacted
      }
      compact();
      return items;
    },
    nextMs: () => queue[head]?.atMs,
    clear: () => { queue = []; head = 0; },
  };
}
