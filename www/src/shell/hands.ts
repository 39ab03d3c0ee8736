// What lays hands on the run: the bar of faults, the time axis and its buttons, the tool that waits for its target, the
// commands of keys. There is nothing to act on before the core has come, so this is loaded beside it.
import type { LabApi } from "../model/api";
import { Commander, type PageActs } from "./commander";
import Crumb from "./Crumb.svelte";
import Faults from "./Faults.svelte";
import { meant, type Pressed } from "./keys";
import { Palette } from "./palette.svelte";
import Transport from "./Transport.svelte";

export type Hands = {
  Crumb: typeof Crumb;
  Faults: typeof Faults;
  Transport: typeof Transport;
  palette: Palette;
  /** Carries out what a key means. False if it means nothing. */
  press: (press: Pressed, letters: boolean) => boolean;
};

export const handsFor = (lab: LabApi, page: PageActs): Hands => {
  const palette = new Palette(lab, page.write);
  const commander = new Commander(lab, palette, page);
  return {
    Crumb,
    Faults,
    Transport,
    palette,
    press: (press, letters) => {
      const command = meant(press, letters);
      if (command) commander.run(command);
      return command !== null;
    },
  };
};
