declare module "spdx-expression-parse" {
  interface LicenceTerm {
    readonly license: string;
    readonly plus?: true;
    readonly exception?: string;
  }
  interface LicencePair {
    readonly left: LicenceTerm | LicencePair;
    readonly conjunction: "and" | "or";
    readonly right: LicenceTerm | LicencePair;
  }
  /** Throws for what isn't an expression. */
  export default function parse(expression: string): LicenceTerm | LicencePair;
}
