// A piece of a line: text with a style. Plain data; output.ts makes the text harmless before it gives it the style.

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** A piece of a line; raw control sequences in it come out visible and harmless. */
export type Span = string | readonly [style: Style, text: string];
