export { TaperError } from "./engine/errors.ts";
