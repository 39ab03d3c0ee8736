// What tells the run: the words for its events and the line that shows them. Loaded beside the core.
export { tellPicture } from "../i18n/tell";
export { default as Narration } from "./Narration.svelte";
