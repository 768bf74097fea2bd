/* The page that excludes an interval of a recording: picks it, and plays what is picked. */

import { IntervalPicker } from "./interval_picker.js";
import "./sound.js";

const form = document.querySelector("form[data-interval]");
const sound = document.querySelector("[data-sound]");

form?.addEventListener("interval:picked", ({ detail }) => sound.dispatchEvent(new CustomEvent("sound:interval", { detail })));
if (form) new IntervalPicker(form);
