// What a person types as JSON into a field: the object, or the sentence that says why it is none.

export type JsonObject = Readonly<Record<string, unknown>>;

/** @param example what such an object looks like */
export function objectOf(text: string, example: string): JsonObject | string {
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as JsonObject;
    return `This is no JSON object. One looks like ${example}.`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `This is no JSON: ${error.message}. It looks like ${example}.`;
  }
}
