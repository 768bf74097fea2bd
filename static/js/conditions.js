/* A policy's conditions: only those in use are shown; others are added from a list. */

import { onChoice } from "./choosing.js";

const form = document.querySelector("[data-conditions]");

class Conditions {
  constructor(root) {
    this.rows = [...root.querySelectorAll("[data-condition]")];
    this.add = root.querySelector("[data-condition-add]");
    this.none = root.querySelector("[data-conditions-none]");
    for (const row of this.rows) {
      row.hidden = !row.hasAttribute("data-used");
      row.querySelector("[data-condition-remove]").addEventListener("click", () => this.remove(row));
    }
    this.add.addEventListener("change", (event) => event.stopPropagation());
    onChoice(this.add, "[data-condition-add]", () => {
      const row = this.rows.find((row) => row.dataset.condition === this.add.value);
      if (row) this.show(row);
    });
    this.draw();
  }

  show(row) {
    row.hidden = false;
    this.draw();
    row.querySelector("input:not([hidden]), select:not([hidden])")?.focus();
  }

  remove(row) {
    for (const field of row.querySelectorAll("input[name], select[name], textarea[name]")) {
      if (field.name === "score_scale") continue;
      if (field.type === "checkbox") field.checked = false;
      else if (field.multiple) for (const option of field.options) option.selected = false;
      else field.value = "";
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    row.hidden = true;
    this.draw();
    this.add.focus();
  }

  draw() {
    const first = this.add.options[0];
    const unused = this.rows.filter((row) => row.hidden);
    this.add.replaceChildren(first, ...unused.map((row) => new Option(row.dataset.label, row.dataset.condition)));
    this.add.value = "";
    this.none.hidden = unused.length !== this.rows.length;
  }
}

if (form) new Conditions(form);
