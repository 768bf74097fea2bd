/* Marks the document before the first paint, so that styles know that scripts run, and names
   the browser's time zone for the next page. */
document.documentElement.classList.add("js");
if (localStorage.getItem("acrportal.preview") === "off") document.documentElement.classList.add("preview-off");
document.cookie = `browser_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
