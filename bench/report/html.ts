/** The few pieces of HTML that a report is made of: sections, tables that become cards on a narrow page, pictures in two widths. */
import { escapeXml as escapeHtml } from "../charts/svg.ts";

export { escapeHtml };

/** Content widths that pictures are drawn for: a page of 1280 pixels, and one of 390. */
export const wide = 1080;
export const half = 524;
export const narrow = 350;

/** A picture drawn for both widths of page; the style sheet shows one. */
export function responsive(draw: (width: number) => string, wideWidth: number = wide): string {
  return `<div class="wide">${draw(wideWidth)}</div><div class="narrow">${draw(narrow)}</div>`;
}

export function section(title: string, lead: string, ...parts: readonly string[]): string {
  return `<section><h2>${escapeHtml(title)}</h2><p class="lead">${escapeHtml(lead)}</p>${parts.join("")}</section>`;
}

export function figure(caption: string, content: string): string {
  return `<figure>${content}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

export interface Row {
  /** The first is the row's name. */
  readonly cells: readonly string[];
  readonly strong?: boolean;
  /** Set off, as a baseline or a remark. */
  readonly quiet?: boolean;
}

/** Numbers to the right, under their headings; on a narrow page each row is a card of labelled values. */
export function table(headings: readonly string[], rows: readonly Row[]): string {
  const head = headings.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join("");
  const body = rows.map(({ cells, strong, quiet }) => {
    const kind = strong ? ' class="strong"' : quiet ? ' class="quiet"' : "";
    const [name, ...values] = cells;
    const data = values
      .map((text, i) => `<td data-label="${escapeHtml(headings[i + 1])}">${escapeHtml(text)}</td>`)
      .join("");
    return `<tr${kind}><th scope="row">${escapeHtml(name)}</th>${data}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

export function details(summary: string, content: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>${content}</details>`;
}
