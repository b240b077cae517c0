/** A picture as a file of its own: the colours that a page would give it, light and dark, and a background. */

const colours = `
svg{--page:#fff;--ink:#1c2330;--muted:#667085;--grid:#e4e7ec;--dense:#8a94a6;--skim:#2f6fd6;--exit:#d97b1e;--both:#0f8a6d;--worst:#b54848;
background:var(--page);font-family:system-ui,sans-serif}
@media (prefers-color-scheme:dark){svg{--page:#12161d;--ink:#e7ebf2;--muted:#98a2b3;--grid:#2a323e;--skim:#6fa3f5;--exit:#eda452;--both:#37c09c;--worst:#e07a7a}}
`;

/** `svg` as `picture` made it. */
export function standalone(svg: string): string {
  const open = svg.indexOf(">") + 1;
  return `${svg.slice(0, open)}<style>${colours}</style>${svg.slice(open)}\n`;
}
