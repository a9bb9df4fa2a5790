/** What tests use of jsdom, which brings no types. */
declare module 'jsdom' {
  export interface Element {
    open: boolean;
    innerHTML: string;
    readonly outerHTML: string;
    readonly textContent: string | null;
    querySelector(selector: string): Element | null;
    querySelectorAll(selector: string): Iterable<Element> & { readonly length: number };
    closest(selector: string): Element | null;
    remove(): void;
  }

  export class JSDOM {
    constructor(html: string, options?: { readonly runScripts?: 'outside-only' });
    readonly window: {
      readonly document: Pick<Element, 'querySelectorAll'> & {
        readonly documentElement: Element;
        getElementById(id: string): Element | null;
      };
      eval(code: string): unknown;
    };
  }
}
