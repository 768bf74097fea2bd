/* Marks the document before the first paint, so that styles know that scripts run and whether
   lists have a preview beside them, and names
   the browser's time zone for the next page, or for this one if it does not know it yet. */
document.documentElement.classList.add("js");
if (localStorage.getItem("acrportal.preview") !== "off") document.documentElement.classList.remove("preview-off");
const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const { guessedZone } = document.currentScript.dataset;
const YEAR_S = 31_536_000;
document.cookie = `browser_zone=${browserZone}; path=/; max-age=${YEAR_S}; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
if (guessedZone && guessedZone !== browserZone) location.reload();
