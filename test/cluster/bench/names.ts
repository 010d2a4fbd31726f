/** What the simulated cluster calls its parts. */

/** Where operator and sensors live, as in the chart's examples. */
export const INSTALL_NAMESPACE = "flowreset-system";
export const OPERATOR_ACCOUNT = "flowreset-operator";
export const SENSOR_ACCOUNT = "flowreset-sensor";
export const FLEET = "default";

const NAMESPACES = 50;

export function namespaceName(index: number): string {
  return `team-${String(index % NAMESPACES).padStart(2, "0")}`;
}

export function namespaceNames(): string[] {
  return Array.from({ length: NAMESPACES }, (_, index) => namespaceName(index));
}

export function nodeName(index: number): string {
  return `node-${String(index).padStart(5, "0")}`;
}

export function sensorPodName(index: number): string {
  return `flowreset-sensor-${String(index).padStart(5, "0")}`;
}

/** Node `index` has 10.128.0.0/9 to itself, two octets of it. */
export function nodeAddress(index: number): string {
  return `10.${128 + (index >> 8)}.${index & 255}.1`;
}

export function podAddress(node: number, pod: number): string {
  return `10.${node >> 8}.${node & 255}.${10 + pod}`;
}

/** The node of an address that `podAddress` made; undefined for any other. */
export function nodeOfPodAddress(address: string): number | undefined {
  const [ten, high, low, pod] = address.split(".").map(Number) as [number, number, number, number];
  return ten === 10 && high < 128 && pod >= 10 ? (high << 8) | low : undefined;
}
