/* Marks the document before the first paint, so that styles know that scripts run. */
document.documentElement.classList.add("js");
if (localStorage.getItem("acrportal.preview") === "off") document.documentElement.classList.add("preview-off");
