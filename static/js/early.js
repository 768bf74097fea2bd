/* Says, before anything is drawn, that scripts run: styles show or hide by it. */
document.documentElement.classList.add("js");
