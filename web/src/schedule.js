// The schedule read back in words with its next ticks, as one types. The server writes both.
import { fragment } from "./morph.js";

export function schedule(form) {
  const place = document.getElementById("read-back");
  let timer;
  let asked = 0;

  async function read() {
    const mine = ++asked;
    const query = new URLSearchParams({ schedule: form.elements.schedule.value, timezone: form.elements.timezone.value });
    const answer = await fetch(`/create/read-back?${query}`, { headers: { accept: "text/html" } }).catch(() => null);
    const words = answer?.ok && (await answer.text().catch(() => null));
    if (mine !== asked || typeof words !== "string") return;
    const said = fragment(words);
    for (const name of ["schedule", "timezone"]) fault(name, said.querySelector(`#${name}-fault`));
    place.replaceChildren(said);
  }

  function fault(name, words) {
    const field = form.elements[name];
    document.getElementById(`${name}-fault`)?.remove();
    field.removeAttribute("aria-invalid");
    if (!words) return;
    field.setAttribute("aria-invalid", "true");
    field.closest(".field").append(words);
  }

  const preset = form.querySelector("[data-preset]");
  preset.hidden = false;
  preset.addEventListener("change", () => {
    if (!preset.value) return;
    form.elements.schedule.value = preset.value;
    preset.value = "";
    form.elements.schedule.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // Where the browser does not let it grow by itself.
  const lines = form.elements.schedule;
  const grow = () => (lines.rows = Math.max(1, lines.value.split("\n").length));
  lines.addEventListener("input", grow);
  grow();
  for (const name of ["schedule", "timezone"]) {
    form.elements[name].addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(read, 200);
    });
  }
}
