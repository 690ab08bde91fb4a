// Types of the parts of the `sip` package (0.0.6, which ships none) that the adapter uses. Written from its behaviour.

declare module 'sip' {
  export interface PackageAddress {
    readonly name: string | undefined;
    readonly uri: string;
    /** Values as written, quotes kept. */
    readonly params: Readonly<Record<string, string | null>>;
  }

  export interface PackageUri {
    readonly schema: string;
    readonly user: string | undefined;
    readonly password: string | undefined;
    readonly host: string;
    /** NaN without a port. */
    readonly port: number;
    /** Names in the case they were written in. */
    readonly params: Readonly<Record<string, string | null>>;
    readonly headers: Readonly<Record<string, string>>;
  }

  export interface PackageMessage {
    readonly version?: string;
    readonly method?: string;
    readonly uri?: string;
    readonly status?: number;
    readonly reason?: string;
    readonly headers: Record<string, unknown>;
    readonly content?: string;
  }

  /** Undefined when the start line or a header line does not parse; a header whose value does not parse is left out. */
  export function parse(text: string): PackageMessage | undefined;
  /** Sets content-length by the length of `content` (so latin1 text counts bytes) and writes headers in key order. */
  export function stringify(message: PackageMessage): string;
  export function parseUri(text: string): PackageUri | undefined;
  export function makeResponse(
    request: PackageMessage,
    status: number,
    reason: string,
    extension: { readonly headers: Readonly<Record<string, unknown>>; readonly content: string },
  ): PackageMessage;
}

declare module 'sip/digest.js' {
  /** MD5 of the arguments joined with colons, lower-case hex. */
  export function kd(...parts: readonly string[]): string;
  export function calculateDigest(facts: {
    readonly ha1: string;
    readonly method: string;
    readonly uri: string;
    readonly nonce: string;
    readonly nc?: string;
    readonly cnonce?: string;
    readonly qop?: string;
    readonly entity?: string;
  }): string;
}
