/* Marks the document before the first paint, so that styles know that scripts run. */
document.documentElement.classList.add("js");
