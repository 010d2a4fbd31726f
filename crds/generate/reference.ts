export function indexPage(): string { return ""; }
export function pageOf(): string { return ""; }
