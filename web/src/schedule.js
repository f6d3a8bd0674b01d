// The schedule read back in words with its next ticks, as one types.

export function schedule(form) {
  const place = document.getElementById("read-back");
  let timer;
  let asked = 0;

  async function read() {
    const mine = ++asked;
    const body = JSON.stringify({ schedule: form.elements.schedule.value, timezone: form.elements.timezone.value || null });
    const answer = await fetch("/api/v1/schedule", { method: "POST", headers: { "content-type": "application/json" }, body }).catch(() => null);
    if (mine !== asked || !answer) return;
    const said = await answer.json().catch(() => null);
    if (!said) return;
    for (const name of ["schedule", "timezone"]) fault(name, (said.errors ?? []).filter((one) => one.field === name));
    if (!answer.ok) return place.replaceChildren();
    const list = document.createElement("ol");
    for (const tick of said.local_ticks) list.append(Object.assign(document.createElement("li"), { textContent: words(tick, said.timezone) }));
    place.replaceChildren(`Runs ${said.words}.`, list);
  }

  function fault(name, errors) {
    const field = form.elements[name];
    const id = `${name}-fault`;
    document.getElementById(id)?.remove();
    field.toggleAttribute("aria-invalid", false);
    if (!errors.length) return;
    field.setAttribute("aria-invalid", "true");
    const line = Object.assign(document.createElement("p"), { className: "fault", id });
    line.append(Object.assign(document.createElement("span"), { textContent: errors.map((one) => one.message).join("; ") }));
    field.closest(".field").append(line);
  }

  for (const name of ["schedule", "timezone"]) {
    form.elements[name].addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(read, 200);
    });
  }
}

// "2026-07-01T14:05:00+02:00" as the server writes it: "Wed 1 Jul 2026, 14:05 CEST".
function words(tick, zone) {
  const at = new Date(tick);
  const [date, rest] = tick.split("T");
  const [year, month, day] = date.split("-").map(Number);
  const noon = new Date(Date.UTC(year, month - 1, day, 12));
  const part = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(noon);
  const time = rest.slice(0, 8).replace(/:00$/, "");
  let name = rest.slice(8);
  try {
    name = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "short" }).formatToParts(at).find((one) => one.type === "timeZoneName").value;
    if (/^GMT/.test(name)) name = rest.slice(8);
  } catch {
    // A zone this browser does not know: the offset says enough.
  }
  return `${part({ weekday: "short" })} ${day} ${part({ month: "short" })} ${year}, ${time} ${zone === "UTC" ? "UTC" : name}`;
}
