// The zone of whoever looks, among those in which a page can show its times.
export function zones() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const select of document.querySelectorAll("select[name=zone]")) {
    if (here && ![...select.options].some((option) => option.value === here)) select.add(new Option(here));
  }
}
