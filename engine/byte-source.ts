/**
 * Bytes that can be read in pieces, wherever they are: what a checkpoint is read from. It knows no format.
 */

export interface ByteSource {
  /** What errors call it. */
  readonly where: string;
  readonly size: number;
  /** Fills `into` with the bytes from `position` on; several reads may be under way. Throws ERR_FILE or ERR_CHECKPOINT. */
  read(into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}
