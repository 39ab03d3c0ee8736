// What a branch is called on its lane and in the crumb, in the language of the moment.
import type { ServerFrame } from "../core/types";
import { t } from "../i18n/t.svelte";
import type { Lane } from "../model/api";
import { called } from "../model/hosts";
import { began } from "./lanes";

export function laneName({ id, name, step, message }: Lane, servers: readonly ServerFrame[]): string {
  if (name !== null) return name;
  if (step === null) return t("lane.main");
  const { act, what } = began(step, message, (host) => called(host, servers));
  return t("lane.branch", { number: id, step: [act ? t(`act.${act}`) : "", what].filter(Boolean).join(" ") });
}
