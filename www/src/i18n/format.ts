// One message and its arguments to text. Not here: which message, and of which language
// (t.svelte.ts).

/** A text with `{names}` in it, or one for each plural form of `count`. */
export type Message = string | { readonly [form: string]: string };
export type Args = { readonly [name: string]: string | number | readonly string[] };

const PLACEHOLDER = /\{([a-z][A-Za-z0-9]*)\}/g;

/** The text. Numbers and lists are written as the language writes them; what is no count is text. */
export function format(message: Message, args: Args, language: string): string {
  const text = typeof message === "string" ? message : form(message, args["count"], language);
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = args[name];
    if (value === undefined) return whole;
    if (typeof value === "string") return value;
    if (typeof value === "number") return numbers(language).format(value);
    return lists(language).format(value);
  });
}

/** The names in a message. */
export function placeholders(message: Message): Set<string> {
  const texts = typeof message === "string" ? [message] : Object.values(message);
  const names = texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ""));
  if (typeof message !== "string") names.push("count");
  return new Set(names);
}

function form(message: { readonly [form: string]: string }, count: unknown, language: string) {
  const exact = typeof count === "number" ? message[`=${count}`] : undefined;
  const rule = typeof count === "number" ? plurals(language).select(count) : "other";
  return exact ?? message[rule] ?? message["other"] ?? "";
}

/** Each language's own, made once. */
function once<T>(make: (language: string) => T): (language: string) => T {
  const made = new Map<string, T>();
  return (language) => {
    const known = made.get(language) ?? make(language);
    made.set(language, known);
    return known;
  };
}

const plurals = once((language) => new Intl.PluralRules(language));
const numbers = once((language) => new Intl.NumberFormat(language));
const lists = once((language) => new Intl.ListFormat(language, { type: "conjunction" }));
