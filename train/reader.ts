/** One object of a JSON config and how its members are read: checked, with defaults filled in. It knows no names of its own. */
import { refuseUnknown, TaperError } from "../engine/errors.ts";

type Json = Record<string, unknown>;

/** Every method throws ERR_CONFIG with the place, what was expected and what was found. */
export class Reader {
  readonly json: Json;
  private readonly where: string;

  constructor(json: unknown, where: string, known: readonly string[]) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new TaperError("ERR_CONFIG", `${where}: expected an object, found ${JSON.stringify(json)}.`);
    }
    try {
      refuseUnknown(json, known, where);
    } catch (error) {
      throw new TaperError("ERR_CONFIG", (error as Error).message, { cause: error });
    }
    this.json = json as Json;
    this.where = where;
  }

  error(name: string, expected: string): TaperError {
    return new TaperError(
      "ERR_CONFIG",
      `${this.where}: "${name}": expected ${expected}, found ${JSON.stringify(this.json[name])}.`,
    );
  }

  number(name: string, otherwise: number, least: number, most: number, whole = false): number {
    const value = this.json[name] ?? otherwise;
    if (typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value)))
      return value;
    throw this.error(name, `${whole ? "a whole number" : "a number"} from ${least} to ${most}`);
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.json[name] ?? otherwise;
    if (typeof value === "boolean") return value;
    throw this.error(name, "true or false");
  }

  text(name: string): string | undefined {
    const value = this.json[name];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    throw this.error(name, "a text");
  }

  texts(name: string): string[] | undefined {
    const value = this.json[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.error(name, "a list of texts");
  }

  /** A list of texts, in which one may stand without the list; empty if it is left out. */
  textOrTexts(name: string): string[] {
    const value = this.json[name] ?? [];
    const list = Array.isArray(value) ? value : [value];
    if (list.every((item) => typeof item === "string" && item !== "")) return list;
    throw this.error(name, "a text, or a list of texts");
  }

  one<const T extends readonly string[]>(name: string, allowed: T, otherwise?: T[number]): T[number] {
    const value = this.json[name] ?? otherwise;
    if (typeof value === "string" && allowed.includes(value)) return value;
    throw this.error(name, allowed.map((a) => `"${a}"`).join(" or "));
  }

  /** A list of some of `allowed`, each once; empty if it is left out. */
  some<const T extends readonly string[]>(name: string, allowed: T): T[number][] {
    const values = this.texts(name) ?? [];
    if (values.every((value, i) => allowed.includes(value) && values.indexOf(value) === i)) return values;
    throw this.error(name, `a list of ${allowed.map((a) => `"${a}"`).join(", ")}, each at most once`);
  }

  /** A member that is an object; `{}` if it is left out. */
  part(name: string, known: readonly string[]): Reader {
    return new Reader(this.json[name] ?? {}, `${this.where}: "${name}"`, known);
  }

  /** The same, or undefined if it is left out or false. */
  optionalPart(name: string, known: readonly string[]): Reader | undefined {
    const value = this.json[name];
    return value === undefined || value === false ? undefined : this.part(name, known);
  }
}
