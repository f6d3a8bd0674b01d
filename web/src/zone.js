// The zone of whoever looks, among those in which a page can show its times; choosing one shows the page in it.
export function zones() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const select of document.querySelectorAll("select[name=zone]")) {
    const known = [...select.options].find((option) => option.value === here);
    if (known) known.textContent = `${here} (this browser’s)`;
    else if (here) select.add(new Option(`${here} (this browser’s)`, here));
  }
  const form = document.querySelector("[data-zone-form]");
  if (!form) return;
  form.querySelector("[data-quiet-submit]").hidden = true;
  form.elements.zone.addEventListener("change", () => form.requestSubmit());
}
