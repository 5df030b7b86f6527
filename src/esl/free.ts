interface Transferable { transfer?(length: number): ArrayBuffer }

/**
 * Gives back memory that nobody needs any more; whoever looks into it afterwards finds it empty. The collector of garbage sees how
 * small such objects are, not what they hold, and lets 60 MB gather before it looks. Part of a larger piece is left to it.
 */
export function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) (buffer as Transferable).transfer?.(0); // Node 20 has no such method
}
