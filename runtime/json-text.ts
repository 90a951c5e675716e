// JSON that may be damaged: torn by a power cut, cut off, or written by somebody else.

/** The value of a JSON text, undefined where it is none: for callers whose next step, a schema, refuses undefined and says what was wanted. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
