// The panes of the inspector, by the name of their tab. They come together, in one file.
import ClientPane from "./ClientPane.svelte";
import LogPane from "./LogPane.svelte";
import MessagePane from "./MessagePane.svelte";
import ServerPane from "./ServerPane.svelte";
import VotesPane from "./VotesPane.svelte";

export const PANES = {
  server: ServerPane,
  message: MessagePane,
  votes: VotesPane,
  log: LogPane,
  clients: ClientPane,
};
