// Bounds of the SDP parser, in one place: each is far above what equipment sends and far below what would hurt.

export const SDP_LIMITS = {
  /** Whole body, in bytes (in UTF-16 units when text is handed in). */
  bodyBytes: 16_384,
  lines: 1_000,
  lineLength: 2_048,
  media: 16,
  /** Formats of one `m=` line: RTP has 128 payload types. */
  formats: 128,
  /** Attributes of the session or of one section; a browser's video section has about 200. */
  attributes: 512,
  /** `c=`, `b=`, time and note lines of the session or of one section. */
  minorLines: 16,
  /** Format parameters longer than this are not passed on. */
  fmtpLength: 256,
} as const;
