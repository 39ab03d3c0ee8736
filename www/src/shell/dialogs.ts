// All dialogs. They come together, in one file, when the first of them is asked for.
export { default as EnsembleDialog } from "./EnsembleDialog.svelte";
export { default as HelpDialog } from "./HelpDialog.svelte";
export { default as SettingsDialog } from "./SettingsDialog.svelte";
export { default as ShareDialog } from "./ShareDialog.svelte";
