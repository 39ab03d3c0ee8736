// Where the step buttons lead. Not here: asking for steps that are not recorded yet.
import type { StepBy } from "./api";
import type { BranchRecord } from "./record";
import type { Place } from "./story";

/** The next moment that fits after a position; null if none is recorded. */
export function stepAfter(
  record: BranchRecord, heartbeats: boolean, position: number, by: StepBy,
): number | null {
  const story = record.story(heartbeats);
  let next = story.stopAfter(position);
  while (next !== null && !fits(record, next, by)) next = story.stopAfter(next);
  return next;
}

/** The last moment that fits before a place; the start if there is none. Null at the start. */
export function stepBefore(
  record: BranchRecord, heartbeats: boolean, place: Place, by: StepBy,
): number | null {
  const story = record.story(heartbeats);
  if (place.position === 0 && place.fraction === 0) return null;
  let stop = story.stopAt(place.position);
  if (stop === place.position && place.fraction === 0) stop = story.stopAt(stop - 1);
  while (stop > 0 && !fits(record, stop, by)) stop = story.stopAt(stop - 1);
  return stop;
}

function fits(record: BranchRecord, position: number, by: StepBy): boolean {
  const frame = record.frame(position);
  if (!frame) return false;
  if (by.chapter === true && frame.mark === null) return false;
  const { server } = by;
  if (server === undefined) return true;
  return frame.headline?.host === `s${server}` || frame.servers.some(({ sid }) => sid === server);
}
