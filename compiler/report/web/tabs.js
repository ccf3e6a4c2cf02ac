// At narrow widths one part of the page at a time.
import { $, el } from "./elements.js";

const keys = { ArrowRight: 1, ArrowLeft: -1 };
export function showTab(name) {
  document.body.dataset.tab = name;
  for (const button of $("tabs").children) {
    const isOn = button.dataset.tab === name;
    button.setAttribute("aria-selected", String(isOn));
    button.tabIndex = isOn ? 0 : -1;
    if (isOn && window.innerWidth <= 900) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  document.dispatchEvent(new Event("tab"));
}
function move(event) {
  const buttons = [...$("tabs").children], at = buttons.indexOf(event.target), step = keys[event.key];
  if (step === undefined || at < 0) return;
  const next = buttons[(at + step + buttons.length) % buttons.length];
  next.focus();
  showTab(next.dataset.tab);
  event.preventDefault();
  event.stopPropagation();
}
export function beginTabs(names) {
  $("tabs").append(...names.map((text) => el("button", { type: "button", role: "tab", "data-tab": text.toLowerCase(),
    onclick: () => showTab(text.toLowerCase()) }, text)));
  $("tabs").addEventListener("keydown", move);
  showTab(names[0].toLowerCase());
}
