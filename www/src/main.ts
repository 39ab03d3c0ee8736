import "./styles/tokens.css";
import "./styles/base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { start } from "./i18n/t.svelte";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
await start("ui", "narration", "protocol", "stage", "pieces", "panes");
mount(App, { target });
