// What the picture says in the terms of the stage: the look and the words of each server, the tray that lies in the
// middle, the names for assistive technology. Chooses and words; decides nothing about the protocol.
import type { ClientFrame, Host, Phase, Role, ServerFrame, Tray, WatchOf, Way, Zxid } from "../core/types";
import { t, type Key } from "../i18n/t.svelte";
import { serverHost } from "../model/hosts";
import type { Picture, Selection } from "../model/picture";
import { zxidTag } from "../pieces/chip";
import { zxidWords } from "../pieces/epoch";
import type { ServerLook } from "../pieces/server";
import type { Measure } from "../pieces/text";
import type { TrayWords } from "../pieces/tray";
import type { ServerWords } from "./label-marks";
import type { LabelWidths } from "./labels";

export const lookOf = (server: ServerFrame): ServerLook => server.up?.role ?? "Down";

const local = (look: ServerLook): string => t(`stage.local.${look}`);
const protocolWord = (look: ServerLook): string => look.toUpperCase();
const phaseWord = (phase: Phase): string => t(`stage.phase.${phase}`);

/** No transaction yet. */
const isNothing = (zxid: Zxid): boolean => zxid.epoch === 0 && zxid.counter === 0;

/** The last zxid of a server: of its log while it is up, of its disk while it is down. */
function lastZxid(server: ServerFrame): { zxid: Zxid | null; torn: boolean } {
  const last = server.log.at(-1);
  if (server.up) return { zxid: isNothing(server.up.last_logged) ? null : server.up.last_logged, torn: false };
  return { zxid: last?.zxid ?? null, torn: last?.state === "torn" };
}

const ELECTING: readonly Role[] = ["Looking"];

export function wordsOf(server: ServerFrame): ServerWords {
  const look = lookOf(server);
  const word = protocolWord(look);
  const role = local(look);
  const { zxid, torn } = lastZxid(server);
  const electing = server.up !== null && ELECTING.includes(server.up.role);
  const phase = server.up && !electing && (look === "Following" || look === "Leading" || look === "Observing")
    ? phaseWord(server.up.phase) : null;
  return {
    word, above: t("stage.word.above", { word, role }),
    chip: phase === null ? null
      : { beside: t("stage.chip.beside", { role, phase }), above: t("stage.chip.above", { role, phase }) },
    zxid, torn: { is: torn, word: t("stage.torn") },
    vote: electing && server.up?.vote ? { candidate: server.up.vote.leader, word: t("stage.votes") } : null,
    quiet: server.up === null, leads: look === "Leading",
  };
}

const ROLES: readonly ServerLook[] = ["Looking", "Following", "Leading"];
const PHASES: readonly Phase[] = ["Discovery", "Synchronization", "Broadcast"];
const STEP = 8;

/** The room that words can need, whatever happens: in steps, so that a longer zxid seldom moves anything. */
export function widthsOf(servers: ServerFrame[], measure: Measure, small: boolean): LabelWidths {
  const size = small ? 12 : 13;
  const looks: ServerLook[] = [...ROLES];
  if (servers.some((server) => server.observer)) looks.push("Observing");
  if (servers.length === 1) looks.push("Standalone");
  const spaced = (text: string): number => measure(text, size, 800) + 0.03 * size * text.length;
  const widest = (texts: string[], of: (text: string) => number): number => Math.ceil(Math.max(...texts.map(of)));
  const tag = Math.max(56, ...servers.map((server) => {
    const { zxid, torn } = lastZxid(server);
    return zxid ? zxidTag(zxid, measure, torn).box.width : 0;
  }));
  const chipWidth = (text: string): number => measure(text, 12, 600) + 16;
  const vote = measure(t("stage.votes"), 12, 600) + 5 + 29;
  return {
    word: widest(looks.map(protocolWord), spaced),
    above: widest(looks.map((look) => t("stage.word.above", { word: protocolWord(look), role: local(look) })), spaced),
    chip: Math.max(vote, widest(looks.flatMap((look) => PHASES.map((phase) =>
      t("stage.chip.beside", { role: local(look), phase: phaseWord(phase) }))), chipWidth)),
    tag: Math.ceil(tag / STEP) * STEP,
  };
}

/** The full name of a server for those who do not see it. */
export function serverName(server: ServerFrame, cuts: Way[]): string {
  const sid = String(server.sid);
  const { zxid } = lastZxid(server);
  const look = lookOf(server);
  let name: string;
  if (!server.up) name = zxid ? t("stage.down", { sid, zxid: zxidWords(zxid) }) : t("stage.downBare", { sid });
  else {
    const role = t("stage.word.above", { word: protocolWord(look), role: local(look) });
    const plain = look === "Settling" || look === "Halted" || look === "Standalone";
    const phase = phaseWord(server.up.phase);
    name = plain ? t("stage.plain", { sid, role })
      : zxid ? t("stage.up", { sid, role, phase, zxid: zxidWords(zxid) }) : t("stage.upBare", { sid, role, phase });
    if (server.up.role === "Looking" && server.up.vote) {
      name = t("stage.with", { name, more: t("stage.votesFor", { sid: String(server.up.vote.leader) }) });
    }
  }
  const host = serverHost(server.sid);
  const others = [...new Set(cuts.flatMap((way) => (way.from === host ? [way.to] : way.to === host ? [way.from] : [])))].sort();
  if (!others.length) return name;
  return t("stage.with", { name, more: t("stage.cut", { others: others.map((other) => other.replace(/^s/, "")) }) });
}

export function clientName(client: ClientFrame): string {
  const args = { name: client.name, sid: String(client.server ?? "") };
  return client.state === "Connected" && client.server !== null
    ? t("stage.clientAt", args)
    : t("stage.client", { name: client.name, state: t(`stage.client.${client.state}`) });
}

export const watchWord = (kind: WatchOf): string => t(`stage.watch.${kind}`);

/** The tray that lies in the middle: of the selected server, else of the one that the sentence speaks of, else the leader's. */
export function trayOf(
  { servers, headline }: Pick<Picture, "servers" | "headline">, selection: Selection,
): { sid: number; tray: Tray } | null {
  const of = (server: ServerFrame | undefined): { sid: number; tray: Tray } | null =>
    server?.up?.tray ? { sid: server.sid, tray: server.up.tray } : null;
  const selected = selection?.kind === "server" ? of(servers.find((one) => one.sid === selection.sid)) : null;
  const spoken = headline?.host;
  return selected
    ?? of(servers.find((one) => one.up?.role === "Leading"))
    ?? (spoken ? of(servers.find((one) => serverHost(one.sid) === spoken)) : null)
    ?? of(servers.find((one) => one.up?.tray));
}

export function trayWords(sid: number, tray: Tray): { words: TrayWords; name: string } {
  const args = {
    sid: String(sid), candidate: String(tray.candidate ?? ""), epoch: String(tray.epoch ?? ""),
    zxid: tray.zxid ? zxidWords(tray.zxid) : "", have: String(tray.have), need: String(tray.need), all: String(tray.slots.length),
  };
  const title: Key = tray.of === "votes" && tray.candidate === null ? "stage.tray.ownVotes" : `stage.tray.${tray.of}`;
  return {
    words: { title: t(title, args), short: t(`stage.tray.short.${tray.of}`, args), count: t("stage.tray.count", args) },
    name: t(`stage.trayName.${tray.of}`, args),
  };
}
