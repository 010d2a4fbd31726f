/** What an interface is to the sensor. The numbers are those that flow and inject go by. */
export const InterfaceKind = { Unknown: 0, Pod: 1, Bridge: 2, Uplink: 3, Tunnel: 4, Loopback: 5 } as const;

export type InterfaceKindName = keyof typeof InterfaceKind;
