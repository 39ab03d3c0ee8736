// What of a datagram of Paxos is seen from outside: its shape, and the proposal that it tells of. As the core wrote both.
import type { Flight } from "../core/types";
import type { Family } from "./token";

/** The datagrams of Paxos have a notch: those of phase 1 and those of phase 2. */
const NOTCHED: { readonly [kind: string]: Family } = {
  PREPARE: "paxos1", PROMISE: "paxos1", NACK: "paxos1", ACCEPT: "paxos2", ACCEPTED: "paxos2",
};
export const familyOf = ({ kind, family }: Flight): Family => NOTCHED[kind] ?? family;

/** The proposal that a datagram of Paxos tells of: what was accepted, else what it asks for or answers. */
export function proposalOf({ fields }: Flight): { number: string; round: number; value: string } | null {
  const field = (name: string): string => fields.find((one) => one.name === name)?.value ?? "";
  const number = [field("accepted"), field("promised"), field("ballot")].find((text) => /^\(\d+,/.test(text));
  if (!number) return null;
  const [round = "", proposer = ""] = number.slice(1, -1).split(",");
  return { number: `${round}·${proposer}`, round: Number(round), value: field("value") };
}
